// What of a model eight bits are for: which nodes compute in them, and which values have to be looked at before.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "goshawk/onnx/model.h"

namespace goshawk::optimize {

/// Inputs of a node that hold data, not parameters (sizes, scales, axes).
std::size_t data_inputs(const onnx::Node& node);

/// Whether it puts values elsewhere, or picks some, without computing new ones: in and out can have one scale.
bool passes_on(const onnx::Node& node);

/// Whether it computes something in eight bits in ONNX Runtime's CPU provider, other than a product.
bool is_elementwise(const onnx::Node& node);

/// Whether it is a Conv, Gemm or MatMul with constant float weights.
bool is_product(const onnx::Node& node, const onnx::Model& model);

/// Which dimension of a product's weights is the output channel.
std::size_t channel_axis(const onnx::Node& product);

/// Labels of the model's products.
std::vector<std::string> quantizable_layers(const onnx::Model& model);

/// Whether static quantization has a convolution to work on; models of matrix products alone take the dynamic one.
bool has_convolutions(const onnx::Model& model);

/// Values whose range `quantize` wants to know, whatever the placement.
std::set<std::string> values_to_calibrate(const onnx::Model& model);

}  // namespace goshawk::optimize
