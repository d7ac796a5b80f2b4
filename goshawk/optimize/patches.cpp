#include "goshawk/optimize/patches.h"

#include <algorithm>
#include <numeric>
#include <random>

namespace goshawk::optimize {
namespace {

std::array<std::int64_t, 2> pair_of(const onnx::Node& node, const std::string& attribute, std::int64_t otherwise) {
  const auto values = node.integers(attribute);
  if (values.size() < 2) return {otherwise, otherwise};
  return {values[0], values[1]};
}

}  // namespace

std::optional<ConvGeometry> conv_geometry(const onnx::Model& model, const onnx::Node& node) {
  if (!node.is("Conv") || node.inputs.size() < 2) return std::nullopt;
  const auto* weights = model.constant(node.inputs[1]);
  if (!weights || weights->type != onnx::ElementType::kFloat || weights->shape.size() != 4) return std::nullopt;
  const auto padding = node.text("auto_pad", "NOTSET");
  if (padding != "NOTSET" && padding != "VALID") return std::nullopt;
  const auto groups = static_cast<std::size_t>(std::max<std::int64_t>(1, node.integer("group", 1)));
  const auto outs = static_cast<std::size_t>(weights->shape[0]);
  if (outs == 0 || outs % groups != 0) return std::nullopt;
  return ConvGeometry{.groups = groups,
                      .ins = static_cast<std::size_t>(weights->shape[1]),
                      .outs = outs / groups,
                      .kernel = {weights->shape[2], weights->shape[3]},
                      .stride = pair_of(node, "strides", 1),
                      .dilation = pair_of(node, "dilations", 1),
                      .pad = pair_of(node, "pads", 0)};
}

std::vector<std::size_t> sampled_places(std::size_t count, std::size_t most, std::uint32_t seed) {
  std::vector<std::size_t> places(count);
  std::iota(places.begin(), places.end(), 0);
  if (count <= most) return places;
  std::mt19937 random(seed);
  for (std::size_t i = 0; i < most; ++i) std::swap(places[i], places[i + random() % (count - i)]);
  places.resize(most);
  return places;
}

Eigen::MatrixXf patches(std::span<const float> input, const onnx::Shape& shape, const ConvGeometry& geometry,
                        std::size_t group, std::span<const std::size_t> places, std::size_t width) {
  const std::int64_t rows = shape[2], columns = shape[3];
  Eigen::MatrixXf seen =
      Eigen::MatrixXf::Zero(static_cast<Eigen::Index>(places.size()), static_cast<Eigen::Index>(geometry.depth()));
  Eigen::Index column = 0;
  for (std::size_t channel = 0; channel < geometry.ins; ++channel) {
    const auto plane = input.subspan((group * geometry.ins + channel) * static_cast<std::size_t>(rows * columns),
                                     static_cast<std::size_t>(rows * columns));
    for (std::int64_t i = 0; i < geometry.kernel[0]; ++i) {
      for (std::int64_t j = 0; j < geometry.kernel[1]; ++j, ++column) {
        for (std::size_t p = 0; p < places.size(); ++p) {
          const auto row = static_cast<std::int64_t>(places[p] / width), at = static_cast<std::int64_t>(places[p] % width);
          const auto y = row * geometry.stride[0] - geometry.pad[0] + i * geometry.dilation[0];
          const auto x = at * geometry.stride[1] - geometry.pad[1] + j * geometry.dilation[1];
          if (y < 0 || y >= rows || x < 0 || x >= columns) continue;
          seen(static_cast<Eigen::Index>(p), column) = plane[static_cast<std::size_t>(y * columns + x)];
        }
      }
    }
  }
  return seen;
}

Eigen::MatrixXf answers(std::span<const float> output, const onnx::Shape& shape, std::span<const std::size_t> places) {
  const auto channels = static_cast<std::size_t>(shape[1]), plane = static_cast<std::size_t>(shape[2] * shape[3]);
  Eigen::MatrixXf given(static_cast<Eigen::Index>(places.size()), static_cast<Eigen::Index>(channels));
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t p = 0; p < places.size(); ++p)
      given(static_cast<Eigen::Index>(p), static_cast<Eigen::Index>(c)) = output[c * plane + places[p]];
  }
  return given;
}

}  // namespace goshawk::optimize
