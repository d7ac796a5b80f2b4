// Tracker options from a file.
#include <fmt/format.h>
#include <array>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/track/fields.h"
#include "goshawk/track/tracker.h"

namespace goshawk::track {

namespace {

constexpr int kMostFrames = 1'000'000;

void read(Fields& fields, ByteTrackOptions& options) {
  fields.read("high_threshold", options.high_threshold, 0, 1);
  fields.read("low_threshold", options.low_threshold, 0, 1);
  fields.read("new_track_threshold", options.new_track_threshold, 0, 1);
  fields.read("match_threshold", options.match_threshold, 0, 1);
  fields.read("track_buffer", options.track_buffer, 0, kMostFrames);
  fields.read("fuse_score", options.fuse_score);
}

void read(Fields& fields, SortOptions& options) {
  fields.read("max_age", options.max_age, 0, kMostFrames);
  fields.read("min_hits", options.min_hits, 0, kMostFrames);
  fields.read("iou_threshold", options.iou_threshold, 0, 1);
  fields.read("detection_threshold", options.detection_threshold, 0, 1);
}

void read(Fields& fields, OcSortOptions& options) {
  fields.read("detection_threshold", options.detection_threshold, 0, 1);
  fields.read("max_age", options.max_age, 0, kMostFrames);
  fields.read("min_hits", options.min_hits, 0, kMostFrames);
  fields.read("iou_threshold", options.iou_threshold, 0, 1);
  fields.read("delta_t", options.delta_t, 1, 100);
  fields.read("inertia", options.inertia, 0, 10);
  fields.read("use_byte", options.use_byte);
}

void read(Fields& fields, BotSortOptions& options) {
  fields.read("high_threshold", options.high_threshold, 0, 1);
  fields.read("low_threshold", options.low_threshold, 0, 1);
  fields.read("new_track_threshold", options.new_track_threshold, 0, 1);
  fields.read("match_threshold", options.match_threshold, 0, 1);
  fields.read("track_buffer", options.track_buffer, 0, kMostFrames);
  fields.read("fuse_score", options.fuse_score);
  fields.read("camera_motion", options.camera_motion);
  fields.read("proximity_threshold", options.proximity_threshold, 0, 1);
  fields.read("appearance_threshold", options.appearance_threshold, 0, 1);
}

void check_order(const auto& options, const Fields& fields) {
  if constexpr (requires { options.low_threshold; }) {
    if (options.low_threshold > options.high_threshold) {
      throw Error(ErrorCode::kBadConfig,
                  fmt::format("{} is above high_threshold, {}", options.low_threshold, options.high_threshold),
                  fields.path("low_threshold"));
    }
  }
}

}  // namespace

TrackerOptions read_tracker_options(const std::filesystem::path& path) {
  return tracker_options_of(read_document(path, {.bytes = 1ULL << 20, .nodes = 10'000, .depth = 8}),
                            path.filename().string());
}

TrackerOptions tracker_options_of(const nlohmann::json& document, const std::string& file) {
  Fields fields(document, file + ": ");
  std::string tracker;
  fields.read("tracker", tracker);
  if (tracker.empty()) {
    throw Error(ErrorCode::kBadConfig, "the algorithm is missing", fields.path("tracker"),
                fields.has("tracker_type")
                    ? "this is a file of Ultralytics; here tracker_type is tracker, track_high_thresh high_threshold, "
                      "track_low_thresh low_threshold, new_track_thresh new_track_threshold, match_thresh match_threshold"
                    : "one of bytetrack, sort, ocsort, botsort");
  }
  TrackerOptions options;
  try {
    options = tracker_by_name(tracker);
  } catch (const Error& error) {
    throw Error(ErrorCode::kBadConfig, error.what(), fields.path("tracker"), "one of bytetrack, sort, ocsort, botsort");
  }
  fields.read("class_aware", options.class_aware);
  std::visit(
      [&](auto& algorithm) {
        read(fields, algorithm);
        fields.expect_no_others();
        check_order(algorithm, fields);
      },
      options.algorithm);
  return options;
}

}  // namespace goshawk::track
