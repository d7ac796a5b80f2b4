// The decoders behind Decoder::create; only decode*.cpp include this.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "goshawk/detect/decode.h"

namespace goshawk::detect {

using Outputs = std::span<const runtime::TensorInfo>;

std::unique_ptr<Decoder> make_yolo_v5(const Recipe& recipe, Outputs outputs);
std::unique_ptr<Decoder> make_yolo_v8(const Recipe& recipe, Outputs outputs);
std::unique_ptr<Decoder> make_yolo_end2end(const Recipe& recipe, Outputs outputs);
std::unique_ptr<Decoder> make_yolox(const Recipe& recipe, Outputs outputs);
std::unique_ptr<Decoder> make_nanodet(const Recipe& recipe, Outputs outputs);
std::unique_ptr<Decoder> make_yunet(const Recipe& recipe, Outputs outputs);
std::unique_ptr<Decoder> make_detr(const Recipe& recipe, Outputs outputs);
std::unique_ptr<Decoder> make_detections(const Recipe& recipe, Outputs outputs);

constexpr std::int64_t kMaxBoxes = 1'000'000;  // of one image; more is no detector's output

inline std::int64_t class_count(const Recipe& recipe) { return static_cast<std::int64_t>(recipe.class_names.size()); }

/// Cells of a feature map along a side of the input: layers that halve it round up.
inline std::int64_t cells_along(std::int64_t side, std::int64_t stride) { return (side + stride - 1) / stride; }
inline std::int64_t cells_of(std::int64_t width, std::int64_t height, std::int64_t stride) {
  return cells_along(width, stride) * cells_along(height, stride);
}

/// One image's values of an output, without the batch dimension.
struct ImageOutput {
  std::span<const float> values;
  std::int64_t rows = 0, columns = 0;  // the last two dimensions
  const float* row(std::int64_t index) const { return values.data() + index * columns; }
};

/// Image `index` of `tensor`, whose shape is [N, rows, columns], or [rows, columns] for a model without a batch dimension.
/// Throws Error{kBadConfig} when the tensor has another shape or fewer images.
ImageOutput image_output(const runtime::Tensor& tensor, std::int64_t index);

/// "[1, 84, 8400]", with ? for a dimension that varies.
std::string shape_text(std::span<const std::int64_t> shape);
[[noreturn]] void reject_outputs(const Recipe& recipe, Outputs outputs, const std::string& expected);
/// For what a model gave while it ran.
[[noreturn]] void reject_values(const std::string& message);
/// Whether a dimension is `value` or varies.
inline bool may_be(std::int64_t dimension, std::int64_t value) { return dimension == -1 || dimension == value; }

/// Index of the largest of `count` (1 or more) scores; what is no number is passed over.
std::int64_t best_class(const float* scores, std::int64_t count);

/// Appends a candidate unless a number is not finite or its class is not wanted. Throws as `reject_values` for a score that
/// lies above 1 by more than rounding explains.
void add_candidate(const Box& box, float score, int class_id, const DecodeLimits& limits,
                   std::vector<Candidate>& candidates);

/// Appends a cell: a box, and scores each times `objectness`, every `step`-th value from `scores` on.
void add_cell(const Box& box, float objectness, const float* scores, std::int64_t step, std::int64_t classes,
              CellAnswers& answers);

inline Box box_from_center(float cx, float cy, float width, float height) {
  return {cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2};
}

}  // namespace goshawk::detect
