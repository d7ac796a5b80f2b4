// How an object, or what is inside a zone, moves: smoothed position, speed and period, as CSV and as a funscript.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/core/frame.h"
#include "goshawk/track/tracker.h"
#include "goshawk/track/zones.h"

namespace goshawk::track {

/// Where something was.
struct MotionSample {
  Microseconds time{0};
  double x = 0, y = 0;  // pixels
  bool operator==(const MotionSample&) const = default;
};

struct SignalOptions {
  double window = 0.4;                      // seconds, whole width of the smoothing window
  int order = 2;                            // 0..3: degree of the polynomial that is fitted within the window
  double max_gap = 0.5;                     // seconds without samples after which nothing is smoothed across
  double min_period = 0.1, max_period = 5;  // seconds
};

/// One row of the smoothed signal.
struct SignalPoint {
  Microseconds time{0};
  double x = 0, y = 0;    // pixels, smoothed
  double vx = 0, vy = 0;  // pixels a second
  double speed = 0;       // pixels a second, never below 0
  double position = 0;    // 0..100 between the extremes along the direction in which the motion spreads most (first
                          // principal component); up and right are 100
  double period = 0;      // seconds, of the motion around this time; 0 when there is none
  int segment = 0;        // counts up at each gap
};

/// Smooths with a polynomial that is fitted around each sample to its neighbours in time (Savitzky and Golay 1964, for times
/// that need not be even; weights fall to 0 at the window's ends). `samples` in the order of time; samples that are not
/// finite or do not advance in time are left out. Shape of the answer: one point a sample that is kept.
std::vector<SignalPoint> smooth_motion(std::span<const MotionSample> samples, const SignalOptions& options = {});

struct Period {
  double seconds = 0;
  double strength = 0;  // correlation of the signal with itself one period later, up to 1
};

/// The period that dominates `values` at `times` (seconds, ascending, need not be even), by the normalised autocorrelation
/// of the signal without its trend. Nothing when no period within the limits shows a correlation of 0.3 or more.
std::optional<Period> dominant_period(std::span<const double> times, std::span<const double> values, double min_period,
                                      double max_period);

/// A step of a funscript: be at `position` at `at`.
struct ScriptAction {
  int at = 0;        // milliseconds
  int position = 0;  // 0..100
  bool operator==(const ScriptAction&) const = default;
};

/// The extremes of the position, turns of less than `least_turn` (of 100) left out; begins and ends with the signal and its
/// gaps. Times ascend strictly.
std::vector<ScriptAction> script_actions(std::span<const SignalPoint> points, double least_turn = 5);

/// Columns time,x,y,speed,position,period,segment; seconds and pixels. Throws Error{kIo}; atomic.
void write_signal_csv(const std::filesystem::path& path, std::span<const SignalPoint> points);
/// {"version":"1.0","inverted":false,"range":100,"actions":[{"at":ms,"pos":0..100},...]}. Throws Error{kIo}; atomic.
void write_funscript(const std::filesystem::path& path, std::span<const ScriptAction> actions);

/// Whose motion is recorded: a track, or what is inside a polygon zone.
struct SignalTarget {
  int track_id = 0;  // 0: the zone
  std::string zone;
  bool operator==(const SignalTarget&) const = default;
};

/// "track:3" or "zone:yard". Throws Error{kUsage}.
SignalTarget parse_signal_target(std::string_view text);
std::string to_string(const SignalTarget& target);

/// Records targets frame by frame; at most two million samples each (18 hours at 30 frames a second), later ones are not
/// kept, which `cut_off` tells. A track's place is the centre of its box. A zone's place moves by the mean step of the
/// objects that stay inside from one frame to the next, so that it does not jump when objects come and go. Not thread-safe.
class MotionRecorder {
 public:
  /// Throws Error{kBadConfig} for a zone that `zones` does not have or that is a line.
  MotionRecorder(std::vector<SignalTarget> targets, std::span<const Zone> zones);

  /// `zones`: after its own update for this frame; may be null when no target is a zone.
  void update(std::span<const Track> tracks, const ZoneCounter* zones, Microseconds time);
  std::span<const MotionSample> samples(int target) const { return records_[target].samples; }
  /// Targets ("zone:yard") that were never seen.
  std::vector<std::string> unseen() const;
  /// Targets of which samples were not kept.
  std::vector<std::string> cut_off() const;
  /// Writes `track-3.csv` and `track-3.funscript` (or `zone-yard...`) into `folder` for each target that was seen. Zones
  /// whose names make the same file name get a number behind it. Returns the paths. Throws Error{kIo}.
  std::vector<std::filesystem::path> write(const std::filesystem::path& folder, const SignalOptions& options = {}) const;

 private:
  struct Record {
    SignalTarget target;
    int zone = -1;
    std::vector<MotionSample> samples;
    bool full = false;
    std::vector<std::pair<int, cv::Point2d>> last;  // zone: who was inside, and where
    cv::Point2d place;                              // zone
  };
  void record_zone(Record& record, std::span<const Track> tracks, const ZoneCounter& zones, Microseconds time);
  std::vector<Record> records_;
};

}  // namespace goshawk::track
