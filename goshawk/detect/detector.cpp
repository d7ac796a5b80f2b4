#include "goshawk/detect/detector.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <map>
#include <mutex>
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

/// Images of one input size that one run takes, by their place in the batch.
struct Part {
  InputSize size;
  std::vector<std::size_t> members;
};

/// Each lane has buffers and a thread of its own over the one session, so that devices that gain from several runs at once
/// get them.
class RecipeDetector : public Detector {
 public:
  RecipeDetector(const std::filesystem::path& model, const DetectorOptions& options) {
    const RecipeChoices choices{options.recipe, options.class_names};
    lanes_.push_back(std::make_unique<Inference>(model, options.session, choices));
    for (int i = 1; i < session().parallel_runs(); ++i) {
      lanes_.push_back(std::make_unique<Inference>(model, lanes_[0]->shared_session(), choices));
    }
    for (auto& lane : lanes_) {
      if (options.image_size) lane->set_image_size(*options.image_size);
    }
    recipe_ = lanes_[0]->recipe();
    recipe_.confidence = in_range(options.confidence.value_or(recipe_.confidence), "confidence");
    recipe_.iou = in_range(options.iou.value_or(recipe_.iou), "iou");
    recipe_.max_detections = options.max_detections.value_or(recipe_.max_detections);
    if (recipe_.max_detections < 1) throw Error(ErrorCode::kUsage, "must be at least 1", "max_detections");
    limits_ = {recipe_.confidence, kept_classes(options.classes, recipe_.class_names)};
  }

  std::vector<Detections> detect(std::span<const cv::Mat> images) override {
    std::vector<Detections> results(images.size());
    const std::vector<Part> parts = divide(images);
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    Durations sum{};
    const auto work = [&](Inference& lane) {
      Durations mine{};
      for (std::size_t i = next++; i < parts.size(); i = next++) run_part(lane, images, parts[i], results, mine);
      const std::lock_guard lock(mutex);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += mine[i];
    };
    const std::size_t busy = std::min(lanes_.size(), std::max<std::size_t>(1, parts.size()));
    std::vector<std::future<void>> others;
    for (std::size_t i = 1; i < busy; ++i) others.push_back(std::async(std::launch::async, work, std::ref(*lanes_[i])));
    work(*lanes_[0]);
    for (auto& other : others) other.get();
    // Lanes run side by side: their mean is the time that passed.
    timings_.prepare.add(sum[0] / busy);
    timings_.inference.add(sum[1] / busy);
    timings_.decode.add(sum[2] / busy);
    return results;
  }

  int fitting_batch() override { return lanes_[0]->fitting_batch(); }
  const Recipe& recipe() const override { return recipe_; }
  const runtime::Session& session() const override { return lanes_[0]->session(); }
  const DetectorTimings& timings() const override { return timings_; }

 private:
  using Durations = std::array<Clock::duration, 3>;  // prepare, inference, decode

  std::vector<Part> divide(std::span<const cv::Mat> images) const {
    std::map<InputSize, std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < images.size(); ++i) groups[lanes_[0]->input_size(images[i])].push_back(i);
    const std::size_t share = (images.size() + lanes_.size() - 1) / lanes_.size();
    const std::size_t most = std::min(lanes_[0]->max_batch(), std::max<std::size_t>(1, share));
    std::vector<Part> parts;
    for (const auto& [size, members] : groups) {
      for (std::size_t begin = 0; begin < members.size(); begin += most) {
        const auto first = members.begin() + static_cast<std::ptrdiff_t>(begin);
        const auto count = static_cast<std::ptrdiff_t>(std::min(most, members.size() - begin));
        parts.push_back({size, {first, first + count}});
      }
    }
    return parts;
  }

  void run_part(Inference& lane, std::span<const cv::Mat> images, const Part& part, std::vector<Detections>& results,
                Durations& durations) const {
    const auto start = Clock::now();
    std::vector<const cv::Mat*> chosen;
    for (const std::size_t member : part.members) chosen.push_back(&images[member]);
    std::vector<Placement> placements = lane.fill(chosen, part.size);
    const auto prepared = Clock::now();
    const Inferred inferred = lane.run(std::move(placements), part.size);
    const auto ran = Clock::now();
    for (std::size_t i = 0; i < part.members.size(); ++i) {
      results[part.members[i]] = lane.decode(inferred, i, limits_, recipe_.iou, recipe_.max_detections);
    }
    durations[0] += prepared - start;
    durations[1] += ran - prepared;
    durations[2] += Clock::now() - ran;
  }

  std::vector<std::unique_ptr<Inference>> lanes_;
  Recipe recipe_;  // with the options over it
  DecodeLimits limits_;
  DetectorTimings timings_;
};

}  // namespace

std::unique_ptr<Detector> Detector::load(const std::filesystem::path& model, const DetectorOptions& options) {
  return std::make_unique<RecipeDetector>(model, options);
}

}  // namespace goshawk::detect
