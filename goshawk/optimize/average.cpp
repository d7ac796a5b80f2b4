#include "goshawk/optimize/average.h"

#include <fmt/format.h>

#include <cstddef>
#include <map>

#include "goshawk/core/error.h"

namespace goshawk::optimize {
namespace {

using onnx::Model;

[[noreturn]] void refuse(const std::string& what, const std::string& name) {
  throw Error(ErrorCode::kBadData, "it is not the same network as the first model: " + what, name,
              "Only models of one network, trained on from the same weights, have a mean.");
}

void require_same(const onnx::ValueInfo& a, const onnx::ValueInfo& b, const std::string& name) {
  if (a.name != b.name || a.type != b.type || a.shape != b.shape) refuse(fmt::format("'{}' is another", a.name), name);
}

void require_same_graph(const Model& first, const Model& other, const std::string& name) {
  if (first.nodes.size() != other.nodes.size())
    refuse(fmt::format("it has {} nodes, not {}", other.nodes.size(), first.nodes.size()), name);
  std::map<std::string, const onnx::Node*> by_output;  // the order of nodes says nothing
  for (const auto& node : other.nodes) by_output[node.outputs[0]] = &node;
  for (const auto& node : first.nodes) {
    const auto found = by_output.find(node.outputs[0]);
    if (found == by_output.end()) refuse(fmt::format("node '{}' is missing", node.label()), name);
    const auto& same = *found->second;
    if (node.op != same.op || node.domain != same.domain || node.inputs != same.inputs || node.outputs != same.outputs ||
        node.attributes != same.attributes)
      refuse(fmt::format("node '{}' differs", node.label()), name);
  }
  if (first.inputs.size() != other.inputs.size() || first.outputs.size() != other.outputs.size())
    refuse("it has other inputs or outputs", name);
  for (std::size_t i = 0; i < first.inputs.size(); ++i) require_same(first.inputs[i], other.inputs[i], name);
  for (std::size_t i = 0; i < first.outputs.size(); ++i) require_same(first.outputs[i], other.outputs[i], name);
  if (first.constants.size() != other.constants.size())
    refuse(fmt::format("it has {} constants, not {}", other.constants.size(), first.constants.size()), name);
  for (const auto& [constant, tensor] : first.constants) {
    const auto* same = other.constant(constant);
    if (!same || same->type != tensor.type || same->shape != tensor.shape)
      refuse(fmt::format("constant '{}' is missing or of another shape", constant), name);
    if (tensor.type != onnx::ElementType::kFloat && same->bytes != tensor.bytes)
      refuse(fmt::format("constant '{}' differs", constant), name);
  }
}

}  // namespace

Model average(const std::vector<Model>& models, const std::vector<std::string>& names) {
  if (models.empty()) throw Error(ErrorCode::kUsage, "there is no model to take the mean of");
  for (std::size_t m = 1; m < models.size(); ++m) require_same_graph(models[0], models[m], names[m]);
  Model mean = models[0];
  for (auto& [name, tensor] : mean.constants) {
    if (tensor.type != onnx::ElementType::kFloat) continue;
    std::vector<double> sums(tensor.count(), 0.0);
    for (const auto& model : models) {
      const auto values = model.constants.at(name).floats();
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(values[i]);
    }
    std::vector<float> values(sums.size());
    for (std::size_t i = 0; i < sums.size(); ++i)
      values[i] = static_cast<float>(sums[i] / static_cast<double>(models.size()));
    tensor = onnx::Tensor::of(name, tensor.shape, values);
  }
  return mean;
}

}  // namespace goshawk::optimize
