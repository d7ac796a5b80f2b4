#include "goshawk/detect/inference.h"

#include <algorithm>
#include <cmath>

#include "goshawk/core/error.h"
#include "goshawk/runtime/batch.h"

namespace goshawk::detect {
namespace {

constexpr std::size_t kMaxBatch = 64;  // of a model that takes any number
constexpr int kMaxSide = 16384;

int round_up(int value, int step) { return (value + step - 1) / step * step; }

}  // namespace

Inference::Inference(const std::filesystem::path& model, const runtime::SessionOptions& options,
                     const RecipeChoices& choices)
    : Inference(model, std::shared_ptr<runtime::Session>(runtime::Session::load(model, options)), choices) {}

Inference::Inference(const std::filesystem::path& model, std::shared_ptr<runtime::Session> session,
                     const RecipeChoices& choices)
    : session_(std::move(session)),
      recipe_(settle_recipe(describe(*session_, model), choices)),
      decoder_(Decoder::create(recipe_, session_->outputs())) {
  check_inputs();
  const auto& shape = session_->inputs()[0].shape;
  batched_input_ = shape.size() == 4;
  fixed_batch_ = !batched_input_ || shape[0] > 0;
  max_batch_ = !fixed_batch_ ? kMaxBatch : static_cast<std::size_t>(batched_input_ ? shape[0] : 1);
}

/// Besides the image a model may only want the image's size, as RT-DETR's own exports do.
void Inference::check_inputs() {
  const auto& all = session_->inputs();
  takes_size_ = all.size() == 2 && all[1].name == "orig_target_sizes";
  if (all.size() == 1 || takes_size_) return;
  throw Error(ErrorCode::kBadConfig, "the model has an input '" + all[1].name + "' that goshawk cannot fill", "model inputs",
              "export the model with the image as its only input");
}

void Inference::set_image_size(int side) {
  if (side < 1 || side > kMaxSide) throw Error(ErrorCode::kUsage, "must lie between 1 and 16384", "--imgsz");
  if (!recipe_.dynamic_size) {
    if (side == recipe_.input_width && side == recipe_.input_height) return;
    throw Error(ErrorCode::kUsage,
                "the model's input is fixed at " + std::to_string(recipe_.input_width) + " x " +
                    std::to_string(recipe_.input_height),
                "--imgsz", "leave it out, or export the model with a dynamic size");
  }
  recipe_.input_width = recipe_.input_height = round_up(side, recipe_.stride);
  sized_by_user_ = true;
}

InputSize Inference::input_size(const cv::Mat& image) const {
  if (image.empty() || image.type() != CV_8UC3) {
    throw Error(ErrorCode::kBadData, "an image must be 8-bit BGR and have pixels", "image");
  }
  const InputSize full{recipe_.input_width, recipe_.input_height};
  if (!recipe_.dynamic_size) return full;
  if (recipe_.resize == Resize::kPadOnly && !sized_by_user_) {
    return {round_up(image.cols, recipe_.stride), round_up(image.rows, recipe_.stride)};
  }
  if (recipe_.resize != Resize::kLetterboxCenter) return full;
  // The smallest rectangle of whole strides around the resized image (Ultralytics' rect inference): less padding to compute.
  const double ratio = std::min(static_cast<double>(full.width) / image.cols, static_cast<double>(full.height) / image.rows);
  const auto side = [&](int length, int limit) {
    return std::min(limit, round_up(std::max(1, static_cast<int>(std::nearbyint(length * ratio))), recipe_.stride));
  };
  return {side(image.cols, full.width), side(image.rows, full.height)};
}

std::vector<Placement> Inference::fill(std::span<const cv::Mat* const> images, InputSize size) {
  require(!images.empty() && images.size() <= max_batch_, "fill: one run's images");
  const std::size_t pixels = static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height) * 3;
  // A model of a fixed batch gets its last part filled up with whatever the buffer holds.
  const std::size_t batch = fixed_batch_ ? max_batch_ : images.size();
  if (tensor_.size() < pixels * batch) tensor_.resize(pixels * batch);
  if (size != filled_size_) filled_.clear();
  filled_size_ = size;
  filled_.resize(std::max(filled_.size(), images.size()));
  std::vector<Placement> placements;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto target = std::span(tensor_).subspan(i * pixels, pixels);
    placements.push_back(prepare(*images[i], recipe_, size.width, size.height, target, filled_[i]));
    filled_[i] = placements.back();
  }
  return placements;
}

int Inference::fitting_batch() {
  if (fixed_batch_) return static_cast<int>(max_batch_);
  const InputSize size{recipe_.input_width, recipe_.input_height};
  tensor_.resize(static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height) * 3);
  filled_.clear();
  runtime::BatchOptions options;
  options.most = static_cast<int>(max_batch_);
  for (const auto& view : inputs(1, size)) options.shapes.push_back(view.shape);
  return runtime::choose_batch(*session_, options);
}

std::vector<runtime::TensorView> Inference::inputs(std::size_t batch, InputSize size) {
  std::vector<std::int64_t> shape = {3, size.height, size.width};
  if (recipe_.layout == Layout::kNhwc) shape = {size.height, size.width, 3};
  if (batched_input_) shape.insert(shape.begin(), static_cast<std::int64_t>(batch));
  const std::size_t pixels = static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height) * 3;
  std::vector<runtime::TensorView> views = {{std::span(tensor_).first(pixels * batch), shape}};
  if (takes_size_) {  // boxes then come in pixels of the input, like those of every other model
    sizes_.clear();
    for (std::size_t i = 0; i < batch; ++i) {
      sizes_.insert(sizes_.end(), {static_cast<float>(size.width), static_cast<float>(size.height)});
    }
    views.push_back({sizes_, {static_cast<std::int64_t>(batch), 2}});
  }
  return views;
}

Inferred Inference::run(std::vector<Placement> placements, InputSize size) {
  const std::size_t batch = fixed_batch_ ? max_batch_ : placements.size();
  return {size, std::move(placements), session_->run(inputs(batch, size))};
}

Detections Inference::decode(const Inferred& inferred, std::size_t index, const DecodeLimits& limits,
                             const Suppression& suppression) {
  candidates_.clear();
  decoder_->decode(inferred.outputs, static_cast<std::int64_t>(index), inferred.size.width, inferred.size.height, limits,
                   candidates_);
  if (decoder_->needs_suppression() || suppression.classes == NmsClasses::kTogether) {
    suppress(candidates_, suppression.iou, suppression.max_detections, suppression.classes);
  } else {
    sort_by_score(candidates_, static_cast<std::size_t>(std::max(0, suppression.max_detections)));
  }
  Detections detections;
  detections.reserve(candidates_.size());
  for (const Candidate& candidate : candidates_) {
    detections.push_back({inferred.placements[index].to_image(candidate.box), candidate.score, candidate.class_id, {}});
  }
  return detections;
}

std::optional<CellAnswers> Inference::cells(const Inferred& inferred, std::size_t index) const {
  return decoder_->cells(inferred.outputs, static_cast<std::int64_t>(index), inferred.size.width, inferred.size.height);
}

}  // namespace goshawk::detect
