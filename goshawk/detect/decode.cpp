#include "goshawk/detect/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "goshawk/core/error.h"
#include "goshawk/detect/decode_families.h"
#include "goshawk/detect/recipe_io.h"

namespace goshawk::detect {

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t dimension : shape) {
    if (text.size() > 1) text += ", ";
    text += dimension < 0 ? "?" : std::to_string(dimension);
  }
  return text + "]";
}

void reject_outputs(const Recipe& recipe, Outputs outputs, const std::string& expected) {
  std::string have;
  for (const auto& output : outputs) have += (have.empty() ? "" : ", ") + output.name + " " + shape_text(output.shape);
  throw Error(ErrorCode::kBadConfig,
              "the model's outputs do not fit the recipe: family " + std::string(to_string(recipe.family)) + " with " +
                  std::to_string(recipe.class_names.size()) + " classes needs " + expected + ", the model has " + have,
              "recipe", "give a recipe with the right family and class_names (--recipe)");
}

void reject_values(const std::string& message) {
  throw Error(ErrorCode::kBadConfig, message, "model output", "give the recipe that fits this model (--recipe)");
}

std::int64_t best_class(const float* scores, std::int64_t count) {
  std::int64_t best = 0;
  for (std::int64_t i = 1; i < count; ++i) {
    if (scores[i] > scores[best] || std::isnan(scores[best])) best = i;
  }
  return best;
}

ImageOutput image_output(const runtime::Tensor& tensor, std::int64_t index) {
  const std::size_t rank = tensor.shape.size();
  const bool batched = rank == 3;
  if (rank != 2 && rank != 3) {
    reject_values("the model gave an output of shape " + shape_text(tensor.shape) +
                  " where [N, rows, columns] was expected");
  }
  if (index >= (batched ? tensor.shape[0] : 1)) {
    throw Error(
        ErrorCode::kBadConfig,
        fmt::format("the model answers image {} of a batch with an output of shape {}", index + 1, shape_text(tensor.shape)),
        "model output", "It takes one image at a time whatever its input says: --batch 1, or export it anew");
  }
  ImageOutput output;
  output.rows = tensor.shape[rank - 2];
  output.columns = tensor.shape[rank - 1];
  const auto count = static_cast<std::size_t>(output.rows * output.columns);
  output.values = tensor.values().subspan(static_cast<std::size_t>(index) * count, count);
  return output;
}

void add_candidate(const Box& box, float score, int class_id, const DecodeLimits& limits,
                   std::vector<Candidate>& candidates) {
  if (!std::isfinite(score) || !std::isfinite(box.x1) || !std::isfinite(box.y1) || !std::isfinite(box.x2) ||
      !std::isfinite(box.y2) || !limits.wants(class_id)) {
    return;
  }
  constexpr float kRounded = 1.05F;  // of eight-bit outputs
  if (score > kRounded) reject_values(fmt::format("the model gave a score of {:g}: its scores are no probabilities", score));
  candidates.push_back({box, std::min(score, 1.0F), class_id});
}

void add_cell(const Box& box, float objectness, const float* scores, std::int64_t step, std::int64_t classes,
              CellAnswers& answers) {
  const bool whole = std::isfinite(box.x1) && std::isfinite(box.y1) && std::isfinite(box.x2) && std::isfinite(box.y2);
  answers.boxes.push_back(whole ? box : Box{});
  for (std::int64_t c = 0; c < classes; ++c) {
    const float score = objectness * scores[c * step];
    answers.scores.push_back(whole && std::isfinite(score) ? std::clamp(score, 0.0F, 1.0F) : 0.0F);
  }
}

std::unique_ptr<Decoder> Decoder::create(const Recipe& recipe, Outputs outputs) {
  switch (recipe.family) {
    case Family::kYoloV5:
      return make_yolo_v5(recipe, outputs);
    case Family::kYoloV8:
      return make_yolo_v8(recipe, outputs);
    case Family::kYoloEnd2End:
      return make_yolo_end2end(recipe, outputs);
    case Family::kYolox:
      return make_yolox(recipe, outputs);
    case Family::kNanoDet:
      return make_nanodet(recipe, outputs);
    case Family::kYuNet:
      return make_yunet(recipe, outputs);
    case Family::kDetr:
      return make_detr(recipe, outputs);
    case Family::kDetections:
      return make_detections(recipe, outputs);
    case Family::kUnknown:
      break;
  }
  throw Error(ErrorCode::kBadConfig, "this recipe's family cannot be decoded", "recipe.family");
}

}  // namespace goshawk::detect
