#include "goshawk/detect/detector.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/detect/inference.h"

namespace goshawk::detect {
namespace {

using Clock = LatencyRecorder::Clock;

std::vector<bool> kept_classes(const std::vector<std::string>& wanted, const std::vector<std::string>& names) {
  if (wanted.empty()) return {};
  std::vector<bool> keep(names.size(), false);
  for (const auto& name : wanted) {
    bool known = false;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] != name && std::to_string(i) != name) continue;
      keep[i] = true;
      known = true;
    }
    if (!known) {
      throw Error(ErrorCode::kUsage, "the model has no class '" + name + "'" + did_you_mean(name, names), "classes",
                  "give names or numbers of the model's " + std::to_string(names.size()) + " classes");
    }
  }
  return keep;
}

float in_range(float value, const char* what) {
  if (!(value >= 0 && value <= 1)) throw Error(ErrorCode::kUsage, "must lie between 0 and 1", what);
  return value;
}

class RecipeDetector : public Detector {
 public:
  RecipeDetector(const std::filesystem::path& model, const DetectorOptions& options)
      : inference_(model, options.session, {options.recipe, options.class_names}) {
    if (options.image_size) inference_.set_image_size(*options.image_size);
    recipe_ = inference_.recipe();
    recipe_.confidence = in_range(options.confidence.value_or(recipe_.confidence), "confidence");
    recipe_.iou = in_range(options.iou.value_or(recipe_.iou), "iou");
    recipe_.max_detections = options.max_detections.value_or(recipe_.max_detections);
    if (recipe_.max_detections < 1) throw Error(ErrorCode::kUsage, "must be at least 1", "max_detections");
    limits_ = {recipe_.confidence, kept_classes(options.classes, recipe_.class_names)};
  }

  std::vector<Detections> detect(std::span<const cv::Mat> images) override {
    std::vector<Detections> results(images.size());
    durations_ = {};
    for (const auto& [size, members] : by_input_size(images)) {
      for (std::size_t begin = 0; begin < members.size(); begin += inference_.max_batch()) {
        const std::size_t count = std::min(inference_.max_batch(), members.size() - begin);
        run_part(images, std::span(members).subspan(begin, count), size, results);
      }
    }
    timings_.prepare.add(durations_[0]);
    timings_.inference.add(durations_[1]);
    timings_.decode.add(durations_[2]);
    return results;
  }

  int fitting_batch() override { return inference_.fitting_batch(); }
  const Recipe& recipe() const override { return recipe_; }
  const runtime::Session& session() const override { return inference_.session(); }
  const DetectorTimings& timings() const override { return timings_; }

 private:
  std::map<InputSize, std::vector<std::size_t>> by_input_size(std::span<const cv::Mat> images) const {
    std::map<InputSize, std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < images.size(); ++i) groups[inference_.input_size(images[i])].push_back(i);
    return groups;
  }

  void run_part(std::span<const cv::Mat> images, std::span<const std::size_t> members, InputSize size,
                std::vector<Detections>& results) {
    const auto start = Clock::now();
    std::vector<const cv::Mat*> part;
    for (const std::size_t member : members) part.push_back(&images[member]);
    std::vector<Placement> placements = inference_.fill(part, size);
    const auto prepared = Clock::now();
    const Inferred inferred = inference_.run(std::move(placements), size);
    const auto ran = Clock::now();
    for (std::size_t i = 0; i < members.size(); ++i) {
      results[members[i]] = inference_.decode(inferred, i, limits_, recipe_.iou, recipe_.max_detections);
    }
    durations_[0] += prepared - start;
    durations_[1] += ran - prepared;
    durations_[2] += Clock::now() - ran;
  }

  Inference inference_;
  Recipe recipe_;  // with the options over it
  DecodeLimits limits_;
  DetectorTimings timings_;
  std::array<Clock::duration, 3> durations_{};
};

}  // namespace

std::unique_ptr<Detector> Detector::load(const std::filesystem::path& model, const DetectorOptions& options) {
  return std::make_unique<RecipeDetector>(model, options);
}

}  // namespace goshawk::detect
