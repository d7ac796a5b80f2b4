#include "goshawk/detect/detector.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/detect/decode.h"
#include "goshawk/detect/letterbox.h"
#include "goshawk/detect/recognize.h"

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
  if (!(value >= 0 && value <= 1)) throw Error(ErrorCode::kUsage, std::string(what) + " must lie between 0 and 1", what);
  return value;
}

int round_up(int value, int step) { return (value + step - 1) / step * step; }

class RecipeDetector : public Detector {
 public:
  RecipeDetector(std::unique_ptr<runtime::Session> session, Recipe recipe, const DetectorOptions& options)
      : session_(std::move(session)), recipe_(std::move(recipe)), decoder_(Decoder::create(recipe_, session_->outputs())) {
    recipe_.confidence = in_range(options.confidence.value_or(recipe_.confidence), "confidence");
    recipe_.iou = in_range(options.iou.value_or(recipe_.iou), "iou");
    recipe_.max_detections = options.max_detections.value_or(recipe_.max_detections);
    if (recipe_.max_detections < 1) throw Error(ErrorCode::kUsage, "must be at least 1", "max_detections");
    if (options.image_size) set_image_size(*options.image_size);
    limits_ = {recipe_.confidence, kept_classes(options.classes, recipe_.class_names)};
    check_inputs();
    const auto& shape = session_->inputs()[0].shape;
    batched_input_ = shape.size() == 4;
    max_batch_ = batched_input_ && shape[0] < 0 ? kMaxBatch : static_cast<std::size_t>(batched_input_ ? shape[0] : 1);
  }

  std::vector<Detections> detect(std::span<const cv::Mat> images) override {
    std::vector<Detections> results(images.size());
    durations_ = {};
    for (const auto& [size, members] : by_input_size(images)) {
      for (std::size_t begin = 0; begin < members.size(); begin += max_batch_) {
        const std::size_t count = std::min(max_batch_, members.size() - begin);
        run_batch(images, std::span(members).subspan(begin, count), size, results);
      }
    }
    timings_.prepare.add(durations_[0]);
    timings_.inference.add(durations_[1]);
    timings_.decode.add(durations_[2]);
    return results;
  }

  const Recipe& recipe() const override { return recipe_; }
  const runtime::Session& session() const override { return *session_; }
  const DetectorTimings& timings() const override { return timings_; }

 private:
  using Size = std::pair<int, int>;  // width, height
  static constexpr std::size_t kMaxBatch = 64;

  /// Besides the image a model may only want the image's size, as RT-DETR's own exports do.
  void check_inputs() {
    const auto& all = session_->inputs();
    takes_size_ = all.size() == 2 && all[1].name == "orig_target_sizes";
    if (all.size() == 1 || takes_size_) return;
    throw Error(ErrorCode::kBadConfig, "the model has an input '" + all[1].name + "' that goshawk cannot fill",
                "model inputs", "export the model with the image as its only input");
  }

  void set_image_size(int side) {
    if (side < 1 || side > 16384) throw Error(ErrorCode::kUsage, "must lie between 1 and 16384", "image_size");
    if (!recipe_.dynamic_size) {
      if (side == recipe_.input_width && side == recipe_.input_height) return;
      throw Error(ErrorCode::kUsage,
                  "the model's input is fixed at " + std::to_string(recipe_.input_width) + " x " +
                      std::to_string(recipe_.input_height),
                  "image_size", "leave it out, or export the model with a dynamic size");
    }
    recipe_.input_width = recipe_.input_height = round_up(side, recipe_.stride);
    sized_by_user_ = true;
  }

  /// The input size for an image. It depends on nothing but the image, so results do not depend on the batch.
  Size input_size(const cv::Mat& image) const {
    if (image.empty() || image.type() != CV_8UC3) {
      throw Error(ErrorCode::kBadData, "an image must be 8-bit BGR and have pixels", "image");
    }
    if (!recipe_.dynamic_size) return {recipe_.input_width, recipe_.input_height};
    if (recipe_.resize == Resize::kPadOnly && !sized_by_user_) {
      return {round_up(image.cols, recipe_.stride), round_up(image.rows, recipe_.stride)};
    }
    if (recipe_.resize != Resize::kLetterboxCenter) return {recipe_.input_width, recipe_.input_height};
    // The smallest rectangle of whole strides around the resized image (Ultralytics' rect inference): less padding to
    // compute.
    const double ratio = std::min(static_cast<double>(recipe_.input_width) / image.cols,
                                  static_cast<double>(recipe_.input_height) / image.rows);
    const auto side = [&](int length, int limit) {
      return std::min(limit, round_up(std::max(1, static_cast<int>(std::nearbyint(length * ratio))), recipe_.stride));
    };
    return {side(image.cols, recipe_.input_width), side(image.rows, recipe_.input_height)};
  }

  std::map<Size, std::vector<std::size_t>> by_input_size(std::span<const cv::Mat> images) const {
    std::map<Size, std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < images.size(); ++i) groups[input_size(images[i])].push_back(i);
    return groups;
  }

  void run_batch(std::span<const cv::Mat> images, std::span<const std::size_t> members, Size size,
                 std::vector<Detections>& results) {
    const auto start = Clock::now();
    const auto [width, height] = size;
    const std::size_t pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3;
    // A model of a fixed batch gets the last part filled up with whatever the buffer holds.
    const std::size_t batch = batched_input_ && session_->inputs()[0].shape[0] > 0 ? max_batch_ : members.size();
    if (tensor_.size() < pixels * batch) tensor_.resize(pixels * batch);
    std::vector<Placement> placements;
    for (std::size_t i = 0; i < members.size(); ++i) {
      placements.push_back(
          prepare(images[members[i]], recipe_, width, height, std::span(tensor_).subspan(i * pixels, pixels)));
    }
    const auto prepared = Clock::now();
    const std::vector<runtime::Tensor> outputs = session_->run(inputs(batch, width, height, pixels));
    const auto inferred = Clock::now();
    for (std::size_t i = 0; i < members.size(); ++i) {
      results[members[i]] = decode(outputs, static_cast<std::int64_t>(i), width, height, placements[i]);
    }
    durations_[0] += prepared - start;
    durations_[1] += inferred - prepared;
    durations_[2] += Clock::now() - inferred;
  }

  std::vector<runtime::TensorView> inputs(std::size_t batch, int width, int height, std::size_t pixels) {
    std::vector<std::int64_t> shape = {3, height, width};
    if (recipe_.layout == Layout::kNhwc) shape = {height, width, 3};
    if (batched_input_) shape.insert(shape.begin(), static_cast<std::int64_t>(batch));
    std::vector<runtime::TensorView> views = {{std::span(tensor_).first(pixels * batch), shape}};
    if (takes_size_) {  // boxes then come in pixels of the input, like those of every other model
      sizes_.clear();
      for (std::size_t i = 0; i < batch; ++i)
        sizes_.insert(sizes_.end(), {static_cast<float>(width), static_cast<float>(height)});
      views.push_back({sizes_, {static_cast<std::int64_t>(batch), 2}});
    }
    return views;
  }

  Detections decode(std::span<const runtime::Tensor> outputs, std::int64_t index, int width, int height,
                    const Placement& placement) {
    candidates_.clear();
    decoder_->decode(outputs, index, width, height, limits_, candidates_);
    if (decoder_->needs_suppression()) {
      suppress(candidates_, recipe_.iou, recipe_.max_detections);
    } else {
      sort_by_score(candidates_, static_cast<std::size_t>(recipe_.max_detections));
    }
    Detections detections;
    detections.reserve(candidates_.size());
    for (const Candidate& candidate : candidates_) {
      detections.push_back({placement.to_image(candidate.box), candidate.score, candidate.class_id, {}});
    }
    return detections;
  }

  std::unique_ptr<runtime::Session> session_;
  Recipe recipe_;
  std::unique_ptr<Decoder> decoder_;
  DecodeLimits limits_;
  bool batched_input_ = true;
  bool takes_size_ = false;
  bool sized_by_user_ = false;
  std::size_t max_batch_ = 1;
  DetectorTimings timings_;
  std::array<Clock::duration, 3> durations_{};
  std::vector<float> tensor_;
  std::vector<float> sizes_;
  std::vector<Candidate> candidates_;
};

}  // namespace

std::unique_ptr<Detector> Detector::load(const std::filesystem::path& model, const DetectorOptions& options) {
  auto session = runtime::Session::load(model, options.session);
  Recipe recipe = settle_recipe(describe(*session, model), {options.recipe, options.class_names});
  return std::make_unique<RecipeDetector>(std::move(session), std::move(recipe), options);
}

}  // namespace goshawk::detect
