// Small models for the tests of this folder.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "goshawk/runtime/testing.h"

namespace goshawk::detect {

using runtime::testing::TemporaryFolder;
using Dimensions = std::vector<std::int64_t>;  // -1: varies

/// A "detector" whose output is [N, 5, (H / 8) * (W / 8)]: one class whose score is a cell's mean brightness (of an input in
/// 0..1), in a box of 16 x 24 pixels at the cell whose green channel shifts it. Good for testing everything around a
/// network. `metadata` makes it an Ultralytics export, or says its recipe.
inline std::string brightness_model(const Dimensions& input, const std::map<std::string, std::string>& metadata) {
  using namespace runtime::testing;  // NOLINT: messages of ONNX
  const bool fixed = input[2] > 0;
  const std::int64_t cells = fixed ? (input[2] / 8) * (input[3] / 8) : -1;
  // Rows of the 1 x 1 convolution: cx, cy, w, h, score, from the mean red, green, blue of a cell.
  const std::vector<float> weights = {64, 0, 0, 0, 64, 0, 0, 0, 8, 8, 0, 0, 1.0F / 3, 1.0F / 3, 1.0F / 3};
  const std::vector<float> bias = {0, 0, 16, 24, 0};
  const Message kernel = integers_attribute("kernel_shape", {8, 8}), strides = integers_attribute("strides", {8, 8});
  Graph graph;
  graph.nodes = {node("AveragePool", {"images"}, {"cells"}, {kernel, strides}),
                 node("Conv", {"cells", "weights", "bias"}, {"rows"}, {integers_attribute("kernel_shape", {1, 1})}),
                 node("Reshape", {"rows", "shape"}, {"output0"})};
  graph.initializers = {float_tensor("weights", {5, 3, 1, 1}, weights), float_tensor("bias", {5}, bias),
                        int64_tensor("shape", {0, 5, -1})};
  graph.inputs = {value_info("images", kFloat, input)};
  graph.outputs = {value_info("output0", kFloat, {input[0], 5, cells})};
  graph.metadata = metadata;
  return graph.model();
}

inline std::map<std::string, std::string> ultralytics_metadata() {
  return {{"task", "detect"}, {"stride", "32"}, {"names", "{0: 'light'}"}, {"imgsz", "[64, 64]"}};
}

}  // namespace goshawk::detect
