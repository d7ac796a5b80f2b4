// From detections frame by frame to tracks with identities.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <opencv2/core/mat.hpp>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "goshawk/core/detection.h"

namespace goshawk::track {

/// An object in one frame.
struct Track {
  int id = 0;       // 1, 2, ...: unique within a tracker, never used again
  Box box;          // pixels; smoothed or as detected, as the algorithm gives it
  float score = 0;  // of the last detection that was matched
  int class_id = 0;
  int detection = -1;  // index into the detections of this frame; -1 when the position is predicted
  int age = 0;         // frames since the track began
  bool operator==(const Track&) const = default;
};

/// SORT. Source: Bewley et al. 2016, and abewley/sort's defaults.
struct SortOptions {
  int max_age = 1;                // frames a track survives without a detection
  int min_hits = 3;               // detections in a row before a track is reported
  float iou_threshold = 0.3F;     // least overlap of a match
  float detection_threshold = 0;  // detections below are not seen
  bool operator==(const SortOptions&) const = default;
};

/// ByteTrack. Source: Zhang et al. 2022, and the defaults of its published tracker.
struct ByteTrackOptions {
  float high_threshold = 0.5F;  // track_thresh: first association
  float low_threshold = 0.1F;   // second association
  float new_track_threshold = 0.6F;
  float match_threshold = 0.8F;  // largest IoU distance of the first association
  int track_buffer = 30;         // frames a lost track is kept, at 30 frames a second
  bool fuse_score = true;        // IoU times score in the first association
  bool operator==(const ByteTrackOptions&) const = default;
};

/// OC-SORT. Source: Cao et al. 2023, and the defaults of its published tracker.
struct OcSortOptions {
  float detection_threshold = 0.6F;
  int max_age = 30;
  int min_hits = 3;
  float iou_threshold = 0.3F;
  int delta_t = 3;        // frames over which the direction of motion is taken
  float inertia = 0.2F;   // weight of the direction's consistency
  bool use_byte = false;  // second association with low scores
  bool operator==(const OcSortOptions&) const = default;
};

/// BoT-SORT. Source: Aharon et al. 2022, and the defaults of its published tracker.
struct BotSortOptions {
  float high_threshold = 0.6F;
  float low_threshold = 0.1F;
  float new_track_threshold = 0.7F;
  float match_threshold = 0.8F;
  int track_buffer = 30;
  bool fuse_score = true;
  bool camera_motion = true;         // sparse optical flow; needs images
  float proximity_threshold = 0.5F;  // IoU distance beyond which appearance is not looked at
  float appearance_threshold =
      0.25F;  // largest cosine distance of a match by appearance; used when detections carry embeddings
  bool operator==(const BotSortOptions&) const = default;
};

struct TrackerOptions {
  std::variant<ByteTrackOptions, SortOptions, OcSortOptions, BotSortOptions> algorithm;
  double frame_rate = 30;   // of the updates: scales `track_buffer`
  bool class_aware = true;  // a track keeps its class: detections match only within a class
  bool operator==(const TrackerOptions&) const = default;
};

/// One algorithm's state over one stream. Not thread-safe.
class Tracker {
 public:
  virtual ~Tracker() = default;
  /// Takes the detections of the next frame, and the frame itself where the algorithm looks at it (may be empty otherwise).
  /// Returns the tracks seen in this frame, by id.
  virtual std::vector<Track> update(std::span<const Detection> detections, const cv::Mat& image) = 0;
  /// For a frame without detections (`--every`): positions of the confirmed tracks by motion alone. Ages nothing.
  virtual std::vector<Track> predict() = 0;
};

std::unique_ptr<Tracker> make_tracker(const TrackerOptions& options);

/// "bytetrack", "sort", "ocsort", "botsort", with the algorithm's defaults. Throws Error{kUsage}.
TrackerOptions tracker_by_name(std::string_view name);
bool is_tracker(std::string_view name);
std::string_view name(const TrackerOptions& options);

/// Reads a YAML or JSON map: `tracker` (a name as above), `class_aware`, and the fields of that algorithm's options; what is
/// absent keeps its published default (configs/trackers/ has them all). `frame_rate` is not read: the caller knows it.
/// Throws Error{kNotFound} and Error{kBadConfig} naming the field; unknown keys get a "did you mean".
TrackerOptions read_tracker_options(const std::filesystem::path& path);
/// The same of a document in memory; `file` names it in messages.
TrackerOptions tracker_options_of(const nlohmann::json& document, const std::string& file);

}  // namespace goshawk::track
