// From a model's output tensors to boxes, one decoder a family.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "goshawk/core/recipe.h"
#include "goshawk/detect/nms.h"
#include "goshawk/runtime/session.h"

namespace goshawk::detect {

/// What a decoder may drop early.
struct DecodeLimits {
  float confidence = 0.25F;  // candidates score more than this (YOLOX: at least)
  std::vector<bool> keep;    // by class_id; empty: all
  bool wants(int class_id) const { return keep.empty() || keep[static_cast<std::size_t>(class_id)]; }
};

/// One image's answer at every cell of the grid, before any threshold. Cells come by rising stride, row by row.
struct CellAnswers {
  std::vector<Box> boxes;     // [cells], input pixels
  std::vector<float> scores;  // [cells * classes] in [0, 1], the classes of a cell together
};

/// Finds the candidates in one image's part of a batch of outputs. Values that are not finite never become candidates.
/// Thread rule: `decode` is safe from several threads.
class Decoder {
 public:
  /// `outputs`: of the model, in its order; an entry with a dimension of -1 is checked when values arrive.
  /// Throws Error{kBadConfig} when the outputs do not fit the recipe's family or class list.
  static std::unique_ptr<Decoder> create(const Recipe& recipe, std::span<const runtime::TensorInfo> outputs);
  virtual ~Decoder() = default;

  /// Appends what image `index` of the batch shows to `candidates`, in pixels of an input of `width` x `height`.
  /// Throws Error{kBadConfig} when a tensor's shape does not fit or a label is outside the class list.
  virtual void decode(std::span<const runtime::Tensor> outputs, std::int64_t index, int width, int height,
                      const DecodeLimits& limits, std::vector<Candidate>& candidates) const = 0;
  /// What image `index` gets at every cell, with 0 for what is no number; nullopt for families that do not answer cell by
  /// cell. Throws as `decode` does.
  virtual std::optional<CellAnswers> cells(std::span<const runtime::Tensor> /*outputs*/, std::int64_t /*index*/,
                                           int /*width*/, int /*height*/) const {
    return std::nullopt;
  }
  /// True where overlapping boxes must still be suppressed.
  virtual bool needs_suppression() const { return true; }
};

}  // namespace goshawk::detect
