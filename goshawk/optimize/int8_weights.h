// A layer's weights in eight bits, and what that does to its bias.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "goshawk/onnx/model.h"

namespace goshawk::optimize {

/// weight = scale of its output channel * integer.
struct Int8Weights {
  std::vector<std::int8_t> integers;  // in the order of the weights, -127 to 127
  std::vector<float> scales;          // [output channels], > 0
};

/// The largest weight of 7 bits: two of them times 255 are less than 2^15.
inline constexpr float kNarrowWeights = 64.0F;

/// Symmetric, a scale for each slice along `axis`, which is the first or the last of two. The largest weight of a channel
/// becomes `most`, unless the scale would be less than its entry in `least_scales`.
Int8Weights quantize_weights(const onnx::Tensor& weights, std::size_t axis, std::span<const float> least_scales, float most);

/// Least scale of each channel's weights with which an int32 bias in units of input scale times weight scale does not
/// overflow, with room for the sum itself. `bias`: null, by channel, or anything that Gemm spreads over [rows, channels].
std::vector<float> least_scales(const onnx::Tensor* bias, std::span<const float> input_scales);

/// A convolution's bias without what the rounded weights add to each channel's mean; nullopt when the means of the input's
/// channels are not known. `bias` null: 0. Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and
/// Bias Correction" (2019), section 4.2, with means from calibration.
std::optional<std::vector<float>> corrected_bias(const onnx::Node& convolution, const onnx::Tensor& weights,
                                                 const onnx::Tensor* bias, const Int8Weights& rounded,
                                                 std::span<const double> means);

}  // namespace goshawk::optimize
