#include "goshawk/optimize/int8_weights.h"

#include <algorithm>
#include <cmath>

namespace goshawk::optimize {
namespace {

/// Calls `at(channel, place)` for every weight.
template <typename At>
void for_each_weight(const onnx::Tensor& weights, std::size_t axis, const At& at) {
  const auto channels = static_cast<std::size_t>(weights.shape[axis]);
  const std::size_t inner = axis == 0 ? weights.count() / channels : 1;
  for (std::size_t i = 0; i < weights.count(); ++i) at(i / inner % channels, i);
}

}  // namespace

Int8Weights quantize_weights(const onnx::Tensor& weights, std::size_t axis, std::span<const float> least_scales,
                             float most) {
  const auto values = weights.floats();
  Int8Weights small;
  small.scales.assign(static_cast<std::size_t>(weights.shape[axis]), 0.0F);
  for_each_weight(weights, axis, [&](std::size_t channel, std::size_t i) {
    small.scales[channel] = std::max(small.scales[channel], std::abs(values[i]) / most);
  });
  for (std::size_t c = 0; c < small.scales.size(); ++c) {
    small.scales[c] = std::max(small.scales[c], least_scales[c]);
    if (!(small.scales[c] > 1e-20F)) small.scales[c] = 1.0F;  // a channel of zeros
  }
  small.integers.resize(values.size());
  for_each_weight(weights, axis, [&](std::size_t channel, std::size_t i) {
    const float integer = std::nearbyint(values[i] / small.scales[channel]);
    small.integers[i] = static_cast<std::int8_t>(std::clamp(integer, -127.0F, 127.0F));
  });
  return small;
}

std::vector<float> least_scales(const onnx::Tensor* bias, std::span<const float> input_scales) {
  const std::size_t channels = input_scales.size();
  std::vector<float> least(channels, 0.0F);
  if (!bias) return least;
  const auto values = bias->floats();
  const bool by_channel = !bias->shape.empty() && bias->shape.back() == static_cast<std::int64_t>(channels);
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t c = by_channel ? i % channels : 0; c < channels; c += by_channel ? channels : 1) {
      least[c] = std::max(least[c], std::abs(values[i]) / input_scales[c] / static_cast<float>(1 << 30));
    }
  }
  return least;
}

std::optional<std::vector<float>> corrected_bias(const onnx::Node& convolution, const onnx::Tensor& weights,
                                                 const onnx::Tensor* bias, const Int8Weights& rounded,
                                                 std::span<const double> means) {
  const auto groups = static_cast<std::size_t>(std::max<std::int64_t>(1, convolution.integer("group", 1)));
  const auto outs = static_cast<std::size_t>(weights.shape[0]), ins = static_cast<std::size_t>(weights.shape[1]);
  const auto area = static_cast<std::size_t>(weights.shape[2] * weights.shape[3]);
  if (means.size() != ins * groups || outs % groups != 0 || (bias && bias->count() != outs)) return std::nullopt;
  const auto values = weights.floats();
  auto corrected = bias ? bias->floats() : std::vector<float>(outs, 0.0F);
  for (std::size_t c = 0; c < outs; ++c) {
    const std::size_t first = c / (outs / groups) * ins;
    double shift = 0;
    for (std::size_t in = 0; in < ins; ++in) {
      double error = 0;
      for (std::size_t k = 0; k < area; ++k) {
        const std::size_t at = (c * ins + in) * area + k;
        error += static_cast<double>(rounded.scales[c]) * rounded.integers[at] - static_cast<double>(values[at]);
      }
      shift += error * means[first + in];
    }
    corrected[c] -= static_cast<float>(shift);
  }
  return corrected;
}

}  // namespace goshawk::optimize
