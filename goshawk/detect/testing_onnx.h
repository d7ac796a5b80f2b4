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

/// A "detector" whose output is [N, 4 + classes, (H / 8) * (W / 8)]: a class whose score is a cell's mean brightness b (of
/// an input in 0..1) and others with 1.5 b - 0.45, which is more where b > 0.9, in a box of 16 x 24 pixels at the cell whose
/// green channel shifts it. Good for testing everything around a network. `metadata` makes it an Ultralytics export, or says
/// its recipe.
inline std::string brightness_model(const Dimensions& input, const std::map<std::string, std::string>& metadata,
                                    int classes = 1) {
  using namespace runtime::testing;  // NOLINT: messages of ONNX
  const bool fixed = input[2] > 0 && input[3] > 0;
  const std::int64_t cells = fixed ? (input[2] / 8) * (input[3] / 8) : -1;
  const std::int64_t rows = 4 + classes;
  // Rows of the 1 x 1 convolution: cx, cy, w, h, scores, from the mean red, green, blue of a cell.
  std::vector<float> weights = {64, 0, 0, 0, 64, 0, 0, 0, 8, 8, 0, 0};
  std::vector<float> bias = {0, 0, 16, 24};
  for (int i = 0; i < classes; ++i) {
    weights.insert(weights.end(), 3, (i == 0 ? 1.0F : 1.5F) / 3);
    bias.push_back(i == 0 ? 0.0F : -0.45F);
  }
  const Message kernel = integers_attribute("kernel_shape", {8, 8}), strides = integers_attribute("strides", {8, 8});
  Graph graph;
  graph.nodes = {node("AveragePool", {"images"}, {"cells"}, {kernel, strides}),
                 node("Conv", {"cells", "weights", "bias"}, {"rows"}, {integers_attribute("kernel_shape", {1, 1})}),
                 node("Reshape", {"rows", "shape"}, {"output0"})};
  graph.initializers = {float_tensor("weights", {rows, 3, 1, 1}, weights), float_tensor("bias", {rows}, bias),
                        int64_tensor("shape", {0, rows, -1})};
  graph.inputs = {value_info("images", kFloat, input)};
  graph.outputs = {value_info("output0", kFloat, {input[0], rows, cells})};
  graph.metadata = metadata;
  return graph.model();
}

inline std::map<std::string, std::string> ultralytics_metadata() {
  return {{"task", "detect"}, {"stride", "32"}, {"names", "{0: 'light'}"}, {"imgsz", "[64, 64]"}};
}

}  // namespace goshawk::detect
