#include "goshawk/detect/detector.h"

#include <algorithm>
#include <array>
#include <exception>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/queue.h"
#include "goshawk/core/text.h"
#include "goshawk/detect/inference.h"
#include "goshawk/runtime/model_store.h"

namespace goshawk::detect {
namespace {

using Clock = LatencyRecorder::Clock;

constexpr std::size_t kMostJobs = 64;  // submitted and not begun; one more waits

float in_range(float value, const char* what) {
  if (!(value >= 0 && value <= 1)) throw Error(ErrorCode::kUsage, "must lie between 0 and 1", what);
  return value;
}

/// Images of one input size that one run takes, by their place in the batch.
struct Part {
  InputSize size;
  std::vector<std::size_t> members;
};

using Durations = std::array<Clock::duration, 3>;  // prepare, inference, decode

/// What was submitted at once. Shared by the lanes that work on its parts.
struct Call {
  std::vector<cv::Mat> images;
  std::vector<Detections> results;
  std::promise<std::vector<Detections>> done;
  std::mutex mutex;         // of what follows; `results` are written by one lane each
  std::size_t waiting = 0;  // parts that are not done
  std::size_t side_by_side = 1;
  Durations sum{};
  std::exception_ptr error;
};

/// Each lane has buffers and a thread of its own over the one session, so that devices that gain from several runs at once
/// get them. All take their work from one queue: none waits at the end of a call for the others.
class RecipeDetector : public Detector {
 public:
  RecipeDetector(const std::filesystem::path& model, std::shared_ptr<runtime::Session> session,
                 const DetectorOptions& options) {
    const RecipeChoices choices{options.recipe, options.class_names};
    for (int i = 0; i < session->parallel_runs(); ++i) {
      lanes_.push_back(std::make_unique<Inference>(model, session, choices));
    }
    for (auto& lane : lanes_) {
      if (options.image_size) lane->set_image_size(*options.image_size);
    }
    recipe_ = lanes_[0]->recipe();
    recipe_.confidence = in_range(options.confidence.value_or(recipe_.confidence), "--conf");
    recipe_.iou = in_range(options.iou.value_or(recipe_.iou), "--iou");
    recipe_.max_detections = options.max_detections.value_or(recipe_.max_detections);
    if (recipe_.max_detections < 1) throw Error(ErrorCode::kUsage, "must be at least 1", "--max-det");
    suppression_ = {recipe_.iou, recipe_.max_detections, options.agnostic_nms ? NmsClasses::kTogether : NmsClasses::kApart};
    limits_ = {recipe_.confidence, kept_classes(options.classes, recipe_.class_names)};
    for (auto& lane : lanes_) {
      threads_.emplace_back([this, &lane = *lane] {
        while (const auto job = jobs_.pop()) work(lane, *job->call, job->part);
      });
    }
  }

  ~RecipeDetector() override { jobs_.close(); }  // the threads finish what was submitted

  std::vector<Detections> detect(std::span<const cv::Mat> images) override {
    return submit({images.begin(), images.end()}).get();
  }

  std::future<std::vector<Detections>> submit(std::vector<cv::Mat> images) override {
    const auto call = std::make_shared<Call>();
    std::vector<Part> parts = divide(images);
    call->results.resize(images.size());
    call->images = std::move(images);
    call->waiting = parts.size();
    call->side_by_side = std::clamp<std::size_t>(parts.size(), 1, lanes_.size());
    auto result = call->done.get_future();
    if (parts.empty()) call->done.set_value({});
    for (auto& part : parts) jobs_.push({call, std::move(part)});
    return result;
  }

  int useful_batch() const override { return static_cast<int>(lanes_[0]->max_batch() * lanes_.size()); }
  int fitting_batch() override { return lanes_[0]->fitting_batch(); }
  const Recipe& recipe() const override { return recipe_; }
  const runtime::Session& session() const override { return lanes_[0]->session(); }
  const DetectorTimings& timings() const override { return timings_; }

 private:
  struct Job {
    std::shared_ptr<Call> call;
    Part part;
  };

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

  void work(Inference& lane, Call& call, const Part& part) {
    Durations durations{};
    std::exception_ptr error;
    try {
      run_part(lane, call, part, durations);
    } catch (...) {
      error = std::current_exception();
    }
    const std::lock_guard lock(call.mutex);
    for (std::size_t i = 0; i < durations.size(); ++i) call.sum[i] += durations[i];
    if (!call.error) call.error = error;
    if (--call.waiting == 0) finish(call);
  }

  void run_part(Inference& lane, Call& call, const Part& part, Durations& durations) const {
    const auto start = Clock::now();
    std::vector<const cv::Mat*> chosen;
    for (const std::size_t member : part.members) chosen.push_back(&call.images[member]);
    std::vector<Placement> placements = lane.fill(chosen, part.size);
    const auto prepared = Clock::now();
    const Inferred inferred = lane.run(std::move(placements), part.size);
    const auto ran = Clock::now();
    for (std::size_t i = 0; i < part.members.size(); ++i) {
      call.results[part.members[i]] = lane.decode(inferred, i, limits_, suppression_);
    }
    durations = {prepared - start, ran - prepared, Clock::now() - ran};
  }

  /// The last part of a call is done.
  void finish(Call& call) {
    call.images.clear();  // their owner may use them again
    if (call.error) return call.done.set_exception(call.error);
    {
      const std::lock_guard lock(timings_mutex_);
      timings_.prepare.add(call.sum[0] / call.side_by_side);
      timings_.inference.add(call.sum[1] / call.side_by_side);
      timings_.decode.add(call.sum[2] / call.side_by_side);
    }
    call.done.set_value(std::move(call.results));
  }

  std::vector<std::unique_ptr<Inference>> lanes_;
  Recipe recipe_;  // with the options over it
  DecodeLimits limits_;
  Suppression suppression_;
  std::mutex timings_mutex_;
  DetectorTimings timings_;
  BoundedQueue<Job> jobs_{kMostJobs};
  std::vector<std::jthread> threads_;  // one a lane; last, so that they end first
};

}  // namespace

std::vector<bool> kept_classes(const std::vector<std::string>& wanted, const std::vector<std::string>& names) {
  if (wanted.empty()) return {};
  std::vector<bool> keep(names.size(), false);
  const auto keep_if = [&](const auto& meant) {
    bool any = false;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (meant(i)) keep[i] = any = true;
    }
    return any;
  };
  for (const auto& word : wanted) {
    if (keep_if([&](std::size_t i) { return names[i] == word; })) continue;  // a name may be a number, too
    if (keep_if([&](std::size_t i) { return std::to_string(i) == word; })) continue;
    throw Error(ErrorCode::kUsage, "the model has no class '" + word + "'" + did_you_mean(word, names), "--classes",
                "give names or numbers of the model's " + std::to_string(names.size()) + " classes");
  }
  return keep;
}

std::unique_ptr<Detector> Detector::load(const std::filesystem::path& model, const DetectorOptions& options) {
  return std::make_unique<RecipeDetector>(model, runtime::Session::load(model, options.session), options);
}

std::unique_ptr<Detector> Detector::load(runtime::ModelStore& store, const std::string& model,
                                         const DetectorOptions& options) {
  const auto file = store.find(model);
  return std::make_unique<RecipeDetector>(file, store.get(file.string(), options.session), options);
}

}  // namespace goshawk::detect
