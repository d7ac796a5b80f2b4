#include "goshawk/optimize/shapes.h"

#include <algorithm>
#include <set>

#include "goshawk/runtime/plain_model.h"

namespace goshawk::optimize {
namespace {

using onnx::ElementType;
using onnx::Model;

double product(const onnx::Shape& shape) {
  double all = 1;
  for (const auto d : shape) all *= static_cast<double>(std::max<std::int64_t>(d, 0));
  return all;
}

}  // namespace

std::map<std::string, ValueType> infer_types(const Model& model) {
  Model watched = model;
  watched.values.clear();
  std::set<std::string> outputs;
  for (const auto& info : model.outputs) outputs.insert(info.name);
  for (const auto& node : model.nodes) {
    for (const auto& name : node.outputs) {
      if (!name.empty() && outputs.insert(name).second) watched.outputs.push_back({name, ElementType::kUndefined, {}, {}});
    }
  }
  const runtime::PlainModel loaded(onnx::serialize(watched), "model", {.threads = 1, .optimize = false});
  std::map<std::string, ValueType> types;
  for (const auto& info : loaded.outputs()) {
    if (info.type != 0) types[info.name] = {static_cast<ElementType>(info.type), info.shape};
  }
  for (const auto& info : model.inputs) {
    if (info.type == ElementType::kUndefined) continue;
    ValueType type{info.type, {}};
    for (const auto& d : info.shape.value_or(std::vector<onnx::ValueDimension>())) {
      const auto* size = std::get_if<std::int64_t>(&d);
      type.shape.push_back(size ? *size : -1);
    }
    types[info.name] = std::move(type);
  }
  for (const auto& [name, tensor] : model.constants) types[name] = {tensor.type, tensor.shape};
  return types;
}

double multiply_adds(const Model& model, const std::map<std::string, ValueType>& types) {
  double sum = 0;
  for (const auto& node : model.nodes) {
    if (node.inputs.size() < 2 || node.outputs.empty() || !types.contains(node.outputs[0]) ||
        !types.contains(node.inputs[1]))
      continue;
    const auto& out = types.at(node.outputs[0]).shape;
    const auto& weights = types.at(node.inputs[1]).shape;
    if (weights.empty() || out.empty()) continue;
    if (node.is("Conv") && weights[0] > 0) sum += product(out) * product(weights) / static_cast<double>(weights[0]);
    if (node.is("MatMul") && weights.size() >= 2)
      sum += product(out) * static_cast<double>(std::max<std::int64_t>(0, weights[weights.size() - 2]));
    if (node.is("Gemm") && weights.size() == 2 && out.back() > 0)
      sum += product(out) * product(weights) / static_cast<double>(out.back());
  }
  return sum;
}

}  // namespace goshawk::optimize
