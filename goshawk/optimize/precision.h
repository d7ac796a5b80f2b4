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
/// is, with weights of eleven bits. Weights beyond FP16's range stay in FP32. Operator set 13 or later.
Halved store_fp16(const onnx::Model& model, const HalfOptions& options = {});

/// Weights stored in BF16 and widened when the model is loaded: half the size on every provider; arithmetic is what
/// --precision says (bf16 on CPUs that have it, where the weights are then exact). Operator set 13 or later.
Halved to_bf16(const onnx::Model& model, const HalfOptions& options = {});

/// What the weights of convolutions and products are stored in: FP16 or BF16 where most of their numbers are widened when
/// the model is loaded, else FP32.
onnx::ElementType storage_of(const onnx::Model& model);

/// The model with such weights, where they are FP32, stored in `type`: what a change has widened goes back. As it is for
/// FP32, and below operator set 13.
onnx::Model stored_as(onnx::Model model, onnx::ElementType type);

}  // namespace goshawk::optimize
