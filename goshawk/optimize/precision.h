// Half the size: FP16 and BF16.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "goshawk/onnx/model.h"
#include "goshawk/optimize/calibrate.h"

namespace goshawk::optimize {

/// IEEE half from float, to nearest even; beyond 65504 the greatest finite value (never infinity from a finite number).
std::uint16_t to_half(float value);
/// The number that an IEEE half holds; every half is a float.
float from_half(std::uint16_t half);
/// The upper half of a float, to nearest even; NaN stays NaN.
std::uint16_t to_bfloat(float value);

struct HalfOptions {
  std::set<std::string> keep_float = {};     // labels of nodes or names of operators that stay in FP32
  const Calibration* calibration = nullptr;  // values beyond half of FP16's range keep their node in FP32
};

/// Throws Error{kUsage} for a name that is neither a node's label nor an operator of the model.
void check_kept(const onnx::Model& model, const std::set<std::string>& keep);

struct Halved {
  onnx::Model model;
  std::vector<std::string> in_float;  // labels of nodes with float values that stayed in FP32, and why: "label (reason)"
  std::size_t halved = 0;             // nodes
};

/// Weights and values between in FP16; inputs and outputs of the model stay FP32, so that nothing else changes for its
/// user. Operators that are not known to be safe in FP16, weights beyond its range, and what `options` say stay in FP32,
/// with casts around them.
Halved to_fp16(const onnx::Model& model, const HalfOptions& options = {});

/// Weights stored in FP16 and widened when the model is loaded: half the size on every provider, computed as the original
/// is, with weights of eleven bits. Weights beyond FP16's range stay in FP32.
Halved store_fp16(const onnx::Model& model, const HalfOptions& options = {});

/// Weights stored in BF16 and widened when the model is loaded: half the size on every provider; arithmetic is what
/// --precision says (bf16 on CPUs that have it, where the weights are then exact). Throws Error{kBadConfig} below operator
/// set 13.
Halved to_bf16(const onnx::Model& model, const HalfOptions& options = {});

/// In which types a file holds what is FP32 while it is changed.
struct Storage {
  // Weights of convolutions and products; FP16 or BF16 where most of their numbers are.
  onnx::ElementType weights = onnx::ElementType::kFloat;
  std::set<std::string> half_ends = {};  // inputs and outputs of FP16
  bool operator==(const Storage&) const = default;
};
Storage storage_of(const onnx::Model& model);

/// The model with its FP32 weights and ends stored so: what to_fp32 and simplify have widened goes back.
onnx::Model stored_as(onnx::Model model, const Storage& storage);

}  // namespace goshawk::optimize
