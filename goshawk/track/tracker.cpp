#include "goshawk/track/tracker.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/track/camera_motion.h"
#include "goshawk/track/observation.h"

namespace goshawk::track {

namespace {

constexpr std::array<std::string_view, 4> kNames = {"bytetrack", "sort", "ocsort", "botsort"};

std::unique_ptr<Association> make_association(const TrackerOptions& options) {
  return std::visit(
      [&](const auto& algorithm) {
        if constexpr (requires { algorithm.track_buffer; }) {
          return track::make_association(algorithm, options.frame_rate);
        } else {
          return track::make_association(algorithm);
        }
      },
      options.algorithm);
}

constexpr float kFarthest = 1e9F;  // pixels

/// False for what no algorithm can work with: NaN, infinities and other numbers that are no pixels, boxes without area.
bool usable(const Detection& detection) {
  const Box& box = detection.box;
  const auto sane = [](float pixels) { return std::abs(pixels) <= kFarthest; };  // not for NaN
  return sane(box.x1) && sane(box.y1) && sane(box.x2) && sane(box.y2) && std::isfinite(detection.score) && box.x2 > box.x1 &&
         box.y2 > box.y1;
}

Observation observe(const Detection& detection, int index) {
  const Box& box = detection.box;
  return {{box.x1, box.y1, box.x2, box.y2},
          detection.score,
          detection.class_id,
          index,
          detection.embedding.empty() ? nullptr : &detection.embedding};
}

/// Each class is associated by itself, so that with one class the answers are those of the plain algorithm.
class ClasswiseTracker : public Tracker {
 public:
  explicit ClasswiseTracker(const TrackerOptions& options) : options_(options) {
    const auto* botsort = std::get_if<BotSortOptions>(&options.algorithm);
    follow_camera_ = botsort && botsort->camera_motion;
  }

  std::vector<Track> update(std::span<const Detection> detections, const cv::Mat& image) override;
  std::vector<Track> predict() override;

 private:
  struct Group {
    std::unique_ptr<Association> association;
    std::vector<Observation> observations;
  };
  Group& group_of(int class_id);

  TrackerOptions options_;
  std::map<int, Group> groups_;  // by class
  bool follow_camera_ = false;
  CameraMotionEstimator camera_;
  int next_id_ = 1;
  int frame_ = 0, time_ = 0;
};

ClasswiseTracker::Group& ClasswiseTracker::group_of(int class_id) {
  Group& group = groups_[options_.class_aware ? class_id : 0];
  if (!group.association) group.association = make_association(options_);
  return group;
}

std::vector<Track> ClasswiseTracker::update(std::span<const Detection> detections, const cv::Mat& image) {
  for (auto& [_, group] : groups_) group.observations.clear();
  for (std::size_t i = 0; i < detections.size(); ++i) {
    if (!usable(detections[i])) continue;
    group_of(detections[i].class_id).observations.push_back(observe(detections[i], static_cast<int>(i)));
  }
  const std::optional<CameraMotion> motion = follow_camera_ && !image.empty() ? camera_.update(image) : std::nullopt;
  const Step step{++frame_, ++time_, &next_id_, motion ? &*motion : nullptr};
  std::vector<Track> tracks;
  for (auto& [_, group] : groups_) group.association->update(group.observations, step, tracks);
  std::ranges::sort(tracks, {}, &Track::id);
  return tracks;
}

std::vector<Track> ClasswiseTracker::predict() {
  const Step step{frame_, ++time_, &next_id_, nullptr};
  std::vector<Track> tracks;
  for (auto& [_, group] : groups_) group.association->predict(step, tracks);
  std::ranges::sort(tracks, {}, &Track::id);
  return tracks;
}

}  // namespace

std::unique_ptr<Tracker> make_tracker(const TrackerOptions& options) { return std::make_unique<ClasswiseTracker>(options); }

bool is_tracker(std::string_view name) { return std::ranges::find(kNames, name) != kNames.end(); }

TrackerOptions tracker_by_name(std::string_view name) {
  TrackerOptions options;
  if (name == "bytetrack") {
    options.algorithm = ByteTrackOptions{};
  } else if (name == "sort") {
    options.algorithm = SortOptions{};
  } else if (name == "ocsort") {
    options.algorithm = OcSortOptions{};
  } else if (name == "botsort") {
    options.algorithm = BotSortOptions{};
  } else {
    const std::vector<std::string> names(kNames.begin(), kNames.end());
    throw Error(ErrorCode::kUsage, "there is no tracker '" + std::string(name) + "'" + did_you_mean(name, names),
                "--tracker", "one of bytetrack, sort, ocsort, botsort, or the path of a YAML file");
  }
  return options;
}

std::string_view name(const TrackerOptions& options) { return kNames[options.algorithm.index()]; }

}  // namespace goshawk::track
