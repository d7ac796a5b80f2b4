// What a convolution sees: patches of its input, at some of the places that it answers for. Internal to this folder.
#pragma once

#include <Eigen/Core>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "goshawk/onnx/model.h"

namespace goshawk::optimize {

/// How a convolution of two dimensions moves over its input; vertical first.
struct ConvGeometry {
  std::size_t groups = 1, ins = 0, outs = 0;  // channels of a group
  std::array<std::int64_t, 2> kernel{1, 1}, stride{1, 1}, dilation{1, 1}, pad{0, 0};
  /// Numbers that one filter sees.
  std::size_t depth() const { return ins * static_cast<std::size_t>(kernel[0] * kernel[1]); }
};

/// nullopt for what is no convolution of two dimensions with constant FP32 weights and stated padding.
std::optional<ConvGeometry> conv_geometry(const onnx::Model& model, const onnx::Node& node);

/// `most` numbers below `count` (all of them where there are no more), the same for the same seed.
std::vector<std::size_t> sampled_places(std::size_t count, std::size_t most, std::uint32_t seed);

/// What `group` sees at `places` of its output, whose rows have `width` places: [places, depth], as filters lie in memory.
/// `input`: [1 or more, channels, height, width], of which the first picture counts.
Eigen::MatrixXf patches(std::span<const float> input, const onnx::Shape& shape, const ConvGeometry& geometry,
                        std::size_t group, std::span<const std::size_t> places, std::size_t width);

/// What all groups answer at `places`: [places, channels].
Eigen::MatrixXf answers(std::span<const float> output, const onnx::Shape& shape, std::span<const std::size_t> places);

}  // namespace goshawk::optimize
