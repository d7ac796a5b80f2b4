// INT8 for models made of matrix products: weights in eight bits, activations measured while the model runs.
#pragma once

#include <string>
#include <vector>

#include "goshawk/onnx/model.h"

namespace goshawk::optimize {

struct Dynamic {
  onnx::Model model;
  std::vector<std::string> layers;  // labels of the products in eight bits
  double output_error = 0;          // relative root mean square on random inputs; -1 where they could not be made
};

/// MatMul with a constant matrix becomes DynamicQuantizeLinear, MatMulInteger and a scale. `narrow_weights`: in 7 bits
/// (saturation.h). `where` names the model in messages. Throws Error{kBadConfig} for a network of convolutions, where it
/// gains nothing, and where there is nothing to quantize.
Dynamic quantize_dynamic(const onnx::Model& model, const std::string& where, bool narrow_weights);

}  // namespace goshawk::optimize
