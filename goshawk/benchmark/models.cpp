#include "goshawk/benchmark/models.h"

#include <malloc.h>

#include <algorithm>
#include <limits>

#include "goshawk/core/error.h"
#include "goshawk/detect/conformance.h"
#include "goshawk/detect/inference.h"
#include "goshawk/runtime/model_file.h"
#include "goshawk/runtime/random_inputs.h"

namespace goshawk::benchmark {
namespace {

std::uint64_t device_memory(const runtime::Device& device) {
  const auto card = runtime::is_gpu(device.kind) ? runtime::gpu(device.index) : std::nullopt;
  if (!card) return 0;
  return card->process_bytes > 0 ? card->process_bytes : card->total_bytes - card->free_bytes;
}

constexpr int kMostImages = 1024;

/// Images that one call of a model takes: any number up to `most`, or (`own` > 0) exactly one number.
void check_batch(const Candidate& candidate, std::int64_t own, int most = kMostImages) {
  if (candidate.batch < 1 || (own <= 0 && candidate.batch > most)) {
    throw Error(ErrorCode::kUsage, "a batch holds 1 to " + std::to_string(most) + " images", "batch");
  }
  if (own > 0 && candidate.batch != own) {
    throw Error(ErrorCode::kUsage,
                "the model takes " + std::to_string(own) + (own == 1 ? " image" : " images") + " a call, not " +
                    std::to_string(candidate.batch),
                candidate.model.string(), "Export it with a dynamic batch");
  }
}

/// Images a call that a model was exported for; 1 where it takes any number, or no images.
int own_batch(const runtime::Session& session) {
  for (const auto& input : session.inputs()) {
    if (input.shape.size() != 4) continue;
    return static_cast<int>(std::clamp<std::int64_t>(input.shape[0], 1, std::numeric_limits<int>::max()));
  }
  return 1;
}

/// A detector: its three steps, timed one by one, on as many lanes as there are streams.
class LoadedDetector : public LoadedModel {
 public:
  LoadedDetector(const Candidate& candidate, const std::shared_ptr<runtime::Session>& session, LoadedInfo info,
                 const std::vector<cv::Mat>& pictures)
      : info_(std::move(info)), pictures_(pictures), whole_input_(pictures.empty()) {
    const detect::RecipeChoices choices{candidate.options.recipe, candidate.options.class_names};
    for (int i = 0; i < info_.streams; ++i) {
      lanes_.push_back({std::make_unique<detect::Inference>(candidate.model, session, choices), {}, {}, 0});
      if (candidate.options.image_size) lanes_.back().steps->set_image_size(*candidate.options.image_size);
      lanes_.back().next = static_cast<std::size_t>(i);
    }
    const auto& shape = session->inputs()[0].shape;
    check_batch(candidate, shape.size() == 4 ? shape[0] : 1, static_cast<int>(lanes_[0].steps->max_batch()));
    if (whole_input_) pictures_.push_back(detect::synthetic_picture(1280, 720, 1));
    const Recipe& recipe = lanes_[0].steps->recipe();
    suppression_ = {candidate.options.iou.value_or(recipe.iou),
                    candidate.options.max_detections.value_or(recipe.max_detections),
                    candidate.options.agnostic_nms ? detect::NmsClasses::kTogether : detect::NmsClasses::kApart};
    limits_.confidence = candidate.options.confidence.value_or(recipe.confidence);
    const auto size = size_for(lanes_[0], pictures_[0]);
    info_.width = size.width;
    info_.height = size.height;
    info_.input_shapes = input_shapes();
  }

  const LoadedInfo& info() const override { return info_; }

  Contestant contestant() override {
    return {info_.name, info_.streams, info_.batch, [this](std::size_t stream) { return run(lanes_[stream]); }};
  }

 private:
  struct Lane {
    std::unique_ptr<detect::Inference> steps;
    std::vector<const cv::Mat*> images;
    std::vector<Detections> found;
    std::size_t next = 0;
  };

  std::vector<std::vector<std::int64_t>> input_shapes() const {
    std::vector<std::vector<std::int64_t>> shapes;
    const bool channels_last = lanes_[0].steps->recipe().layout == Layout::kNhwc;
    for (const auto& input : lanes_[0].steps->session().inputs()) {
      auto shape = input.shape;
      const std::size_t sides = shape.size() < 3 ? shape.size() : shape.size() - (channels_last ? 3 : 2);
      for (std::size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] < 0) shape[i] = i == sides ? info_.height : i == sides + 1 ? info_.width : i == 0 ? info_.batch : 3;
      }
      shapes.push_back(std::move(shape));
    }
    return shapes;
  }

  detect::InputSize size_for(const Lane& lane, const cv::Mat& image) const {
    const Recipe& recipe = lane.steps->recipe();
    return whole_input_ ? detect::InputSize{recipe.input_width, recipe.input_height} : lane.steps->input_size(image);
  }

  /// The next pictures of this input size, which the next one of all has.
  void choose(Lane& lane, detect::InputSize size) const {
    lane.images.clear();
    while (lane.images.size() < static_cast<std::size_t>(info_.batch)) {
      const cv::Mat& picture = pictures_[lane.next++ % pictures_.size()];
      if (size_for(lane, picture) == size) lane.images.push_back(&picture);
    }
  }

  StageTimes run(Lane& lane) const {
    const auto size = size_for(lane, pictures_[lane.next % pictures_.size()]);
    choose(lane, size);
    const auto start = Clock::now();
    auto placements = lane.steps->fill(lane.images, size);
    const auto prepared = Clock::now();
    const auto inferred = lane.steps->run(std::move(placements), size);
    const auto ran = Clock::now();
    lane.found.clear();
    for (std::size_t i = 0; i < lane.images.size(); ++i) {
      lane.found.push_back(lane.steps->decode(inferred, i, limits_, suppression_));
    }
    return {prepared - start, ran - prepared, Clock::now() - ran};
  }

  LoadedInfo info_;
  std::vector<cv::Mat> pictures_;
  bool whole_input_;
  std::vector<Lane> lanes_;
  detect::DecodeLimits limits_;
  detect::Suppression suppression_;
};

/// Any other model: inference on random values.
class LoadedNetwork : public LoadedModel {
 public:
  LoadedNetwork(const Candidate& candidate, std::shared_ptr<runtime::Session> session, LoadedInfo info)
      : session_(std::move(session)), info_(std::move(info)), inputs_(session_->inputs(), all_shapes(*session_, candidate)) {
    info_.detector = false;
    info_.input_shapes = all_shapes(*session_, candidate);
  }

  const LoadedInfo& info() const override { return info_; }

  Contestant contestant() override {
    return {info_.name, info_.streams, info_.batch, [this](std::size_t) {
              const auto start = Clock::now();
              session_->run(inputs_.views());
              return StageTimes{{}, Clock::now() - start, {}};
            }};
  }

 private:
  static std::vector<std::vector<std::int64_t>> all_shapes(const runtime::Session& session, const Candidate& candidate) {
    std::vector<std::vector<std::int64_t>> shapes;
    for (const auto& input : session.inputs()) shapes.push_back(shape_of(input, candidate));
    return shapes;
  }

  /// The batch in the first dimension, --imgsz in the last two of an image.
  static std::vector<std::int64_t> shape_of(const runtime::TensorInfo& input, const Candidate& candidate) {
    auto shape = input.shape;
    const bool image = shape.size() == 4;
    if (image) check_batch(candidate, shape[0]);
    if (!shape.empty() && shape[0] < 0) shape[0] = candidate.batch;
    for (std::size_t i = 2; image && i < shape.size(); ++i) {
      if (shape[i] < 0) shape[i] = candidate.options.image_size.value_or(-1);
    }
    return shape;
  }

  std::shared_ptr<runtime::Session> session_;
  LoadedInfo info_;
  runtime::RandomInputs inputs_;
};

LoadedInfo describe(const Candidate& candidate, const runtime::Session& session) {
  LoadedInfo info;
  info.name = candidate.name.empty() ? candidate.model.stem().string() : candidate.name;
  info.model = candidate.model;
  info.sha256 = session.model_hash();
  info.bytes = runtime::model_bytes(candidate.model);
  info.device = session.device();
  info.precision = session.precision();
  info.provider = session.provider();
  info.threads = candidate.options.session.threads;
  info.streams = session.parallel_runs();
  info.batch = candidate.batch;
  const auto statistics = session.statistics();
  info.load_ms = statistics.load_ms;
  info.from_cache = statistics.from_cache;
  info.resident_after = statistics.resident_bytes;
  info.device_after = statistics.device_bytes;
  return info;
}

int gpu_of(const std::vector<std::unique_ptr<LoadedModel>>& models) {
  for (const auto& model : models) {
    if (runtime::is_gpu(model->info().device.kind)) return model->info().device.index;
  }
  return -1;
}

}  // namespace

std::unique_ptr<LoadedModel> LoadedModel::load(const Candidate& asked, const std::vector<cv::Mat>& pictures) {
  Candidate candidate = asked;
  ::malloc_trim(0);  // what former models left would else be taken for free memory that this one need not ask for
  const std::uint64_t before = runtime::process_memory().resident;
  const std::uint64_t device_before = device_memory(candidate.options.session.device);
  std::shared_ptr<runtime::Session> session = runtime::Session::load(candidate.model, candidate.options.session);
  if (candidate.batch == 0) candidate.batch = own_batch(*session);
  LoadedInfo info = describe(candidate, *session);
  info.resident_before = before;
  info.device_before = device_before;
  try {
    return std::make_unique<LoadedDetector>(candidate, session, info, pictures);
  } catch (const Error& error) {
    const bool told = candidate.options.recipe || candidate.options.class_names;
    if (error.code() != ErrorCode::kBadConfig || told) throw;
    info.note = error.what();
  }
  return std::make_unique<LoadedNetwork>(candidate, std::move(session), std::move(info));
}

std::vector<Measurement> measure_models(const std::vector<Candidate>& candidates, const std::vector<cv::Mat>& pictures,
                                        const MeasureOptions& options) {
  std::vector<std::unique_ptr<LoadedModel>> models;
  std::vector<Contestant> contestants;
  for (const auto& candidate : candidates) {
    if (options.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while loading models");
    models.push_back(LoadedModel::load(candidate, pictures));
    contestants.push_back(models.back()->contestant());
  }
  auto measuring = options;
  if (measuring.gpu < 0) measuring.gpu = gpu_of(models);
  auto samples = measure(contestants, measuring);
  std::vector<Measurement> measurements;
  for (std::size_t i = 0; i < models.size(); ++i) measurements.push_back({models[i]->info(), std::move(samples[i])});
  return measurements;
}

}  // namespace goshawk::benchmark
