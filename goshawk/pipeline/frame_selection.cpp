#include "goshawk/pipeline/frame_selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <set>

#include "goshawk/core/error.h"
#include "goshawk/core/random.h"

namespace goshawk::pipeline {
namespace {

struct Describe {
  std::string operator()(const EveryFrames& every) const {
    return every.step == 1 ? "every frame" : fmt::format("every {} frames", every.step);
  }
  std::string operator()(const EveryInterval& every) const {
    return fmt::format("every {} s", std::chrono::duration<double>(every.period).count());
  }
  std::string operator()(const RandomFrames& random) const {
    return fmt::format("{} at random, seed {}", random.count, random.seed);
  }
  std::string operator()(const SceneChanges& scenes) const {
    return fmt::format("scene changes, threshold {}", scenes.threshold);
  }
};

}  // namespace

std::string describe(const FrameSelection& selection) { return std::visit(Describe{}, selection); }

std::vector<std::int64_t> choose_random(std::int64_t total, std::int64_t count, std::uint64_t seed) {
  Random random(seed);
  std::set<std::int64_t> chosen;
  for (std::int64_t top = total - std::min(count, total); top < total; ++top) {
    const auto drawn = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(top) + 1));
    if (!chosen.insert(drawn).second) chosen.insert(top);
  }
  return {chosen.begin(), chosen.end()};
}

FrameChooser::FrameChooser(const FrameSelection& selection, std::int64_t total) : selection_(selection) {
  if (const auto* every = std::get_if<EveryFrames>(&selection)) require(every->step >= 1, "EveryFrames::step out of range");
  if (const auto* every = std::get_if<EveryInterval>(&selection)) {
    require(every->period.count() > 0, "EveryInterval::period out of range");
  }
  if (const auto* random = std::get_if<RandomFrames>(&selection)) {
    chosen_ = choose_random(total, random->count, random->seed);
  }
}

bool FrameChooser::wants(std::int64_t number, Microseconds time) {
  if (const auto* every = std::get_if<EveryFrames>(&selection_)) return number % every->step == 0;
  if (const auto* every = std::get_if<EveryInterval>(&selection_)) {
    const std::int64_t period = time / every->period;
    if (last_period_ && period <= *last_period_) return false;
    last_period_ = period;
    return true;
  }
  if (std::holds_alternative<SceneChanges>(selection_)) return true;
  while (next_ < chosen_.size() && chosen_[next_] < number) ++next_;
  if (next_ == chosen_.size() || chosen_[next_] != number) return false;
  ++next_;
  return true;
}

bool FrameChooser::done() const { return std::holds_alternative<RandomFrames>(selection_) && next_ == chosen_.size(); }

cv::Mat thumbnail(const cv::Mat& image) {
  constexpr int kSide = 64;
  cv::Mat small;
  cv::resize(image, small, {kSide, kSide}, 0, 0, cv::INTER_AREA);
  return small;
}

double picture_change(const cv::Mat& thumbnail_a, const cv::Mat& thumbnail_b) {
  const auto values = static_cast<double>(thumbnail_a.total()) * thumbnail_a.channels();
  return cv::norm(thumbnail_a, thumbnail_b, cv::NORM_L1) / values / 255 * 100;
}

bool SceneDetector::begins_scene(const cv::Mat& thumbnail) {
  const bool first = before_.empty();
  const double change = first ? 0 : picture_change(before_, thumbnail);
  const double score = std::max(0.0, change - change_before_);
  before_ = thumbnail;
  change_before_ = change;
  return first || score >= threshold_;
}

}  // namespace goshawk::pipeline
