// Detectors that predict distances from the points of a grid. Sources: NanoDet (Apache-2.0) gfl_head.py and
// nanodet_plus_head.py of v1.0, and the centres of the OpenCV demo for the v0.x models (hpc203); YuNet as decoded by
// OpenCV 4.8's FaceDetectorYN (Apache-2.0).
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <optional>

#include "goshawk/core/error.h"
#include "goshawk/detect/decode_families.h"

namespace goshawk::detect {
namespace {

/// Part of an output that belongs to one stride.
struct Level {
  const float* scores = nullptr;  // of the first cell
  std::int64_t score_step = 0;    // floats from cell to cell
  const float* distances = nullptr;
  std::int64_t distance_step = 0;
};

class NanoDetDecoder : public Decoder {
 public:
  /// Index of the outputs with the scores and the distances of each stride, from 8 on; empty for one joined output.
  struct Parts {
    std::vector<std::size_t> scores, distances;
  };

  NanoDetDecoder(std::int64_t classes, int largest_stride, Parts parts)
      : classes_(classes), largest_stride_(largest_stride), parts_(std::move(parts)) {}

  void decode(std::span<const runtime::Tensor> outputs, std::int64_t index, int width, int height,
              const DecodeLimits& limits, std::vector<Candidate>& candidates) const override {
    std::int64_t first_cell = 0;
    std::size_t part = 0;
    for (int stride = 8; stride <= largest_stride_; stride *= 2, ++part) {
      const std::int64_t cells = cells_of(width, height, stride);
      const Level level = parts_.scores.empty() ? joined_level(outputs, index, first_cell, cells)
                                                : separate_level(outputs, index, part, cells);
      decode_level(level, width, height, stride, limits, candidates);
      first_cell += cells;
    }
    if (parts_.scores.empty() && image_output(outputs[0], index).rows != first_cell) {
      reject_values("the model gave another number of points than strides 8 to " + std::to_string(largest_stride_) +
                    " have");
    }
  }

  static constexpr std::int64_t kBins = 8;  // reg_max 7, as in every published NanoDet

 private:
  Level joined_level(std::span<const runtime::Tensor> outputs, std::int64_t index, std::int64_t first,
                     std::int64_t cells) const {
    const ImageOutput output = image_output(outputs[0], index);
    if (output.columns != classes_ + 4 * kBins || output.rows < first + cells) {
      reject_values("the model gave points of another size than classes + 32");
    }
    return {output.row(first), output.columns, output.row(first) + classes_, output.columns};
  }

  Level separate_level(std::span<const runtime::Tensor> outputs, std::int64_t index, std::size_t part,
                       std::int64_t cells) const {
    const ImageOutput scores = image_output(outputs[parts_.scores[part]], index);
    const ImageOutput distances = image_output(outputs[parts_.distances[part]], index);
    if (scores.rows != cells || distances.rows != cells || scores.columns != classes_ || distances.columns != 4 * kBins) {
      reject_values("the model gave points of another number or size than the recipe says");
    }
    return {scores.values.data(), scores.columns, distances.values.data(), distances.columns};
  }

  void decode_level(const Level& level, int width, int height, int stride, const DecodeLimits& limits,
                    std::vector<Candidate>& candidates) const {
    // NanoDet's centres are those of the cells' pixels, NanoDet-Plus' (four strides) the cells' corners.
    const float offset = largest_stride_ > 32 ? 0.0F : 0.5F * static_cast<float>(stride - 1);
    const std::int64_t columns = cells_along(width, stride);
    const std::int64_t cells = cells_of(width, height, stride);
    for (std::int64_t cell = 0; cell < cells; ++cell) {
      const float* scores = level.scores + cell * level.score_step;
      const float* best = scores + best_class(scores, classes_);
      if (!(*best > limits.confidence)) continue;
      const float x = static_cast<float>((cell % columns) * stride) + offset;
      const float y = static_cast<float>((cell / columns) * stride) + offset;
      std::array<float, 4> side{};
      for (std::size_t i = 0; i < 4; ++i) {
        side[i] = expected_bin(level.distances + cell * level.distance_step + static_cast<std::int64_t>(i) * kBins) *
                  static_cast<float>(stride);
      }
      const Box box =
          clip({x - side[0], y - side[1], x + side[2], y + side[3]}, static_cast<float>(width), static_cast<float>(height));
      add_candidate(box, *best, static_cast<int>(best - scores), limits, candidates);
    }
  }

  /// The mean of the distribution over 0..7 whose logits are given.
  static float expected_bin(const float* logits) {
    const float largest = *std::max_element(logits, logits + kBins);
    float sum = 0, weighted = 0;
    for (std::int64_t bin = 0; bin < kBins; ++bin) {
      const float weight = std::exp(logits[bin] - largest);
      sum += weight;
      weighted += weight * static_cast<float>(bin);
    }
    return weighted / sum;
  }

  std::int64_t classes_;
  int largest_stride_;
  Parts parts_;
};

class YuNetDecoder : public Decoder {
 public:
  struct Level {
    std::size_t cls, obj, bbox;
  };
  explicit YuNetDecoder(std::array<Level, 3> levels) : levels_(levels) {}

  void decode(std::span<const runtime::Tensor> outputs, std::int64_t index, int width, int height,
              const DecodeLimits& limits, std::vector<Candidate>& candidates) const override {
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      const int stride = 8 << i;
      const std::int64_t columns = width / stride;
      const std::int64_t cells = columns * (height / stride);
      const ImageOutput cls = image_output(outputs[levels_[i].cls], index);
      const ImageOutput obj = image_output(outputs[levels_[i].obj], index);
      const ImageOutput bbox = image_output(outputs[levels_[i].bbox], index);
      if (cls.rows != cells || obj.rows != cells || bbox.rows != cells || cls.columns != 1 || obj.columns != 1 ||
          bbox.columns != 4) {
        reject_values("the model gave another number of cells than YuNet has for this input");
      }
      const auto step = static_cast<float>(stride);
      for (std::int64_t cell = 0; cell < cells; ++cell) {
        const auto at = static_cast<std::size_t>(cell);
        const float score = std::sqrt(std::clamp(cls.values[at], 0.0F, 1.0F) * std::clamp(obj.values[at], 0.0F, 1.0F));
        if (!(score > limits.confidence)) continue;
        const float* row = bbox.row(cell);
        const Box box = box_from_center((static_cast<float>(cell % columns) + row[0]) * step,
                                        (static_cast<float>(cell / columns) + row[1]) * step, std::exp(row[2]) * step,
                                        std::exp(row[3]) * step);
        add_candidate(box, score, 0, limits, candidates);
      }
    }
  }

 private:
  std::array<Level, 3> levels_;
};

/// The scores and distances of separate outputs, ordered by descending number of cells (stride 8 first). Told apart by
/// their width; nullopt when a width or a number of cells is not as it must be.
std::optional<NanoDetDecoder::Parts> separate_parts(std::int64_t classes, Outputs outputs) {
  constexpr std::int64_t kDistances = 4 * NanoDetDecoder::kBins;
  if (classes == kDistances) return std::nullopt;  // widths would not tell them apart
  std::map<std::int64_t, std::size_t, std::greater<>> scores, distances;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& shape = outputs[i].shape;
    if (shape.size() < 2 || shape.size() > 3 || shape[shape.size() - 2] < 0) return std::nullopt;
    auto& kind = shape.back() == classes ? scores : distances;
    if (shape.back() != classes && shape.back() != kDistances) return std::nullopt;
    if (!kind.emplace(shape[shape.size() - 2], i).second) return std::nullopt;
  }
  NanoDetDecoder::Parts parts;
  for (const auto& [cells, output] : scores) {
    if (!distances.contains(cells)) return std::nullopt;
    parts.scores.push_back(output);
    parts.distances.push_back(distances[cells]);
  }
  if (scores.size() != distances.size()) return std::nullopt;
  return parts;
}

std::size_t index_of(const Recipe& recipe, Outputs outputs, const std::string& name) {
  const auto found = std::find_if(outputs.begin(), outputs.end(), [&](const auto& output) { return output.name == name; });
  if (found == outputs.end()) reject_outputs(recipe, outputs, "an output named " + name);
  return static_cast<std::size_t>(found - outputs.begin());
}

}  // namespace

std::unique_ptr<Decoder> make_nanodet(const Recipe& recipe, Outputs outputs) {
  const auto classes = class_count(recipe);
  const std::string expected = "[N, points, classes + 32], or outputs [points, classes] and [points, 32] for each stride";
  if (outputs.size() == 1) {
    const auto& shape = outputs[0].shape;
    if (shape.size() != 3 || !may_be(shape[2], classes + 4 * NanoDetDecoder::kBins))
      reject_outputs(recipe, outputs, expected);
    return std::make_unique<NanoDetDecoder>(classes, recipe.stride, NanoDetDecoder::Parts{});
  }
  auto parts = separate_parts(classes, outputs);
  std::size_t strides = 0;
  for (int stride = 8; stride <= recipe.stride; stride *= 2) ++strides;
  if (!parts || parts->scores.size() != strides) reject_outputs(recipe, outputs, expected);
  return std::make_unique<NanoDetDecoder>(classes, recipe.stride, std::move(*parts));
}

std::unique_ptr<Decoder> make_yunet(const Recipe& recipe, Outputs outputs) {
  if (recipe.class_names.size() != 1) reject_outputs(recipe, outputs, "one class name");
  std::array<YuNetDecoder::Level, 3> levels{};
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const std::string stride = std::to_string(8 << i);
    levels[i] = {index_of(recipe, outputs, "cls_" + stride), index_of(recipe, outputs, "obj_" + stride),
                 index_of(recipe, outputs, "bbox_" + stride)};
  }
  return std::make_unique<YuNetDecoder>(levels);
}

}  // namespace goshawk::detect
