// Which frames of a video are wanted: the rules alone, without any video.
#pragma once

#include <cstdint>
#include <opencv2/core/mat.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "goshawk/core/frame.h"

namespace goshawk::pipeline {

/// Each `step`-th frame, the first included. `step` >= 1.
struct EveryFrames {
  std::int64_t step = 1;
  bool operator==(const EveryFrames&) const = default;
};

/// The first frame at or after each multiple of `period` from the start. One frame answers for all multiples that passed
/// since the last, so a gap in a video of variable frame rate gives one frame. `period` > 0.
struct EveryInterval {
  Microseconds period{1'000'000};
  bool operator==(const EveryInterval&) const = default;
};

/// `count` frames, each set of that many equally likely; all of them where there are fewer.
struct RandomFrames {
  std::int64_t count = 1;
  std::uint64_t seed = 0;
  bool operator==(const RandomFrames&) const = default;
};

/// The first frame, and each that begins a new scene: its `scene_score` reaches `threshold` (0..100).
struct SceneChanges {
  double threshold = 10;
  bool operator==(const SceneChanges&) const = default;
};

using FrameSelection = std::variant<EveryFrames, EveryInterval, RandomFrames, SceneChanges>;

/// For people and for comparing: "every 10 frames", "every 0.5 s", "100 at random, seed 7", "scene changes, threshold 10".
std::string describe(const FrameSelection& selection);

/// `count` of the numbers 0..total-1 in ascending order, each set equally likely (Floyd's algorithm). The same on any
/// machine.
std::vector<std::int64_t> choose_random(std::int64_t total, std::int64_t count, std::uint64_t seed);

/// Says of each frame of one video in turn, by its place alone, whether it is wanted. Not thread-safe.
class FrameChooser {
 public:
  /// `total`: frames of the range; RandomFrames needs it, the others do not look at it. With SceneChanges each frame is
  /// wanted: pictures decide later.
  FrameChooser(const FrameSelection& selection, std::int64_t total);

  /// `number`: 0-based, counted from the first frame of the range. `time`: since the start of the range, not negative.
  /// Frames come in ascending order; some may be left out (those before a key frame that was sought).
  bool wants(std::int64_t number, Microseconds time);

  /// Whether no later frame can be wanted.
  bool done() const;

 private:
  FrameSelection selection_;
  std::optional<std::int64_t> last_period_;
  std::vector<std::int64_t> chosen_;  // ascending
  std::size_t next_ = 0;
};

/// A picture in small, to tell how much two pictures differ: 64 x 64, each pixel the mean of its area.
cv::Mat thumbnail(const cv::Mat& image);

/// Mean absolute difference of two thumbnails over pixels and channels, in percent of the full range (0: equal, 100: black
/// against white).
double picture_change(const cv::Mat& thumbnail_a, const cv::Mat& thumbnail_b);

/// Finds cuts. The score of a frame is its change against the frame before, less what that frame itself had changed: steady
/// motion and camera movement score little, a cut much (the idea of the scene score of FFmpeg's `select` filter).
class SceneDetector {
 public:
  explicit SceneDetector(double threshold) : threshold_(threshold) {}
  /// Takes each frame in turn; true for the first one and those whose score reaches the threshold.
  bool begins_scene(const cv::Mat& thumbnail);

 private:
  double threshold_;
  cv::Mat before_;
  double change_before_ = 0;
};

}  // namespace goshawk::pipeline
