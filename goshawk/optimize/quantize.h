// INT8 in QDQ form: QuantizeLinear and DequantizeLinear around what providers compute in eight bits.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/onnx/model.h"
#include "goshawk/optimize/calibrate.h"
#include "goshawk/optimize/ranges.h"
#include "goshawk/runtime/device.h"

namespace goshawk::optimize {

/// Where Q/DQ go, which decides what a provider fuses.
enum class Placement {
  kFused,      // around convolutions with all that follows them up to the next stored value (activation, residual add):
               // OpenVINO, TensorRT
  kEveryNode,  // around every node: ONNX Runtime's CPU provider, whose kernels take eight bits in and give eight bits
};
std::string_view to_string(Placement placement);
/// "fused", "every-node". Throws Error{kUsage}.
Placement parse_placement(std::string_view text);
/// What the device's provider fuses.
Placement placement_for(runtime::DeviceKind device);

/// Which integers stand for the values between layers.
enum class Activations {
  kAsymmetric,  // uint8 over the whole range: the finest steps, and a zero point, which OpenVINO's convolutions pay for
                // where they pad (docs/decisions/093)
  kSymmetric,   // int8 around 0; uint8 where nothing is below, around 128 where values are joined (docs/decisions/095), and
                // with zero points in values with a scale for each channel, whose int8 OpenVINO refuses between BF16
  kSigned,      // int8 around 0 for all values: TensorRT takes no other
};
std::string_view to_string(Activations activations);
/// "asymmetric", "symmetric", "signed". Throws Error{kUsage}.
Activations parse_activations(std::string_view text);
/// What runs fastest, or at all, on the device.
Activations activations_for(runtime::DeviceKind device);

struct QuantizeOptions {
  Placement placement = Placement::kFused;
  RangeMethod method = RangeMethod::kMinMax;
  Activations activations = Activations::kAsymmetric;
  bool depthwise_by_channel = true;  // kFused: inputs of depthwise convolutions have a scale for each channel
  std::map<std::string, RangeMethod> methods_of_layers = {};  // by label: of the value that goes into the layer
  bool correct_bias = true;                                   // by what rounding the weights shifts a channel's mean
  bool narrow_weights = false;  // 7 bits (-64 to 64), for CPUs whose sums of two products saturate (saturation.h)
  std::set<std::string> float_layers = {};  // labels of nodes (see onnx::Node::label) that stay in float
};

/// What was done.
struct Quantized {
  onnx::Model model;
  std::vector<std::string> layers;    // labels of the convolutions and products in eight bits
  std::vector<std::string> in_float;  // those that stayed, by wish or because they cannot
  std::size_t values = 0;             // that got a Q/DQ pair
  std::size_t groups = 0;             // scales among them: values that are joined or passed on share one
};

/// Quantizes a model that was simplified, of operator set 13 or later. Weights: int8, symmetric, by output channel. Biases
/// stay float. Throws Error{kBadConfig} when nothing can be quantized.
Quantized quantize(const onnx::Model& model, const Calibration& calibration, const QuantizeOptions& options);

}  // namespace goshawk::optimize
