#include "goshawk/optimize/quantizable.h"

#include <algorithm>

#include "goshawk/optimize/calibrate.h"

namespace goshawk::optimize {
namespace {

using onnx::ElementType;
using onnx::Model;
using onnx::Node;

bool is_float_constant(const Model& model, const std::string& name) {
  const auto* constant = model.constant(name);
  return constant && constant->type == ElementType::kFloat;
}

}  // namespace

std::size_t data_inputs(const Node& node) {
  return node.is("Concat") || node.is("Add") || node.is("Mul") ? node.inputs.size() : 1;
}

bool passes_on(const Node& node) {
  if (node.is("Resize")) return node.text("mode", "nearest") == "nearest";
  static const std::set<std::string> kOps{"MaxPool",   "Concat",  "Slice",     "Split",  "Reshape",
                                          "Transpose", "Squeeze", "Unsqueeze", "Flatten"};
  return node.domain.empty() && kOps.contains(node.op);
}

bool is_elementwise(const Node& node) {
  static const std::set<std::string> kOps{"Sigmoid", "Mul", "Add", "LeakyRelu", "AveragePool", "GlobalAveragePool"};
  return node.domain.empty() && kOps.contains(node.op);
}

bool is_product(const Node& node, const Model& model) {
  if (node.inputs.size() < 2 || !is_float_constant(model, node.inputs[1]) || model.constant(node.inputs[0])) return false;
  const auto& weights = *model.constant(node.inputs[1]);
  if (weights.count() == 0) return false;
  if (node.inputs.size() > 2 && !node.inputs[2].empty() && !is_float_constant(model, node.inputs[2])) return false;
  if (node.is("Conv")) return weights.shape.size() == 4;
  if (node.is("Gemm")) {
    return weights.shape.size() == 2 && node.number("alpha", 1) == 1 && node.number("beta", 1) == 1 &&
           node.integer("transA", 0) == 0;
  }
  return node.is("MatMul") && weights.shape.size() == 2;
}

std::size_t channel_axis(const Node& product) {
  if (product.is("Conv")) return 0;
  return product.is("Gemm") && product.integer("transB", 0) == 1 ? 0 : 1;
}

std::vector<std::string> quantizable_layers(const Model& model) {
  std::vector<std::string> labels;
  for (const auto& node : model.nodes) {
    if (is_product(node, model)) labels.push_back(node.label());
  }
  return labels;
}

bool has_convolutions(const Model& model) {
  return std::any_of(model.nodes.begin(), model.nodes.end(), [](const Node& node) { return node.is("Conv"); });
}

std::set<std::string> values_to_calibrate(const Model& model) {
  const auto floats = float_values(model);
  std::set<std::string> wanted;
  const auto want = [&](const std::string& value) {
    if (floats.contains(value)) wanted.insert(value);
  };
  for (std::size_t i = model.nodes.size(); i-- > 0;) {
    const Node& node = model.nodes[i];
    const bool toward =
        std::any_of(node.outputs.begin(), node.outputs.end(), [&](const auto& o) { return wanted.contains(o); });
    if (is_product(node, model)) {
      want(node.inputs[0]);
      want(node.outputs[0]);
    } else if (toward) {
      for (std::size_t k = 0; k < std::min(data_inputs(node), node.inputs.size()); ++k) want(node.inputs[k]);
    }
  }
  return wanted;
}

}  // namespace goshawk::optimize
