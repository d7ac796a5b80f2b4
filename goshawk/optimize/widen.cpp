#include "goshawk/optimize/widen.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/onnx/free_names.h"
#include "goshawk/onnx/wiring.h"
#include "goshawk/optimize/precision.h"
#include "goshawk/optimize/shapes.h"

namespace goshawk::optimize {
namespace {

using onnx::ElementType;
using onnx::Model;
using onnx::Node;
using onnx::Tensor;

constexpr auto kFloat = static_cast<std::int64_t>(ElementType::kFloat);
constexpr auto kHalf = static_cast<std::int64_t>(ElementType::kFloat16);

Node cast(const std::string& name, const std::string& from, const std::string& to, std::int64_t type) {
  return {"Cast", name, "", {from}, {to}, {{"to", type}}, {}};
}

bool casts_to(const Node& node, std::int64_t type) { return node.is("Cast") && node.integer("to", 0) == type; }

/// Attributes that name the type of what a node makes.
bool names_type(const std::string& attribute) {
  static const std::set<std::string> kNames{"to", "dtype", "output_dtype", "output_datatype"};
  return kNames.contains(attribute);
}

/// Types within it are not seen here.
bool is_closed(const Node& node) {
  return (!node.domain.empty() && node.domain != "ai.onnx") || !node.captured.empty() ||
         std::ranges::any_of(node.attributes, [](const auto& a) { return std::holds_alternative<onnx::Opaque>(a.second); });
}

/// Whether an attribute makes something FP16.
bool is_half(const std::string& name, const onnx::AttributeValue& value) {
  if (const auto* tensor = std::get_if<Tensor>(&value)) return tensor->type == ElementType::kFloat16;
  const auto* number = std::get_if<std::int64_t>(&value);
  return number && *number == kHalf && names_type(name);
}

bool has_halves(const Model& model) {
  return std::ranges::any_of(model.constants, [](const auto& c) { return c.second.type == ElementType::kFloat16; }) ||
         std::ranges::any_of(model.inputs, [](const auto& input) { return input.type == ElementType::kFloat16; }) ||
         std::ranges::any_of(model.nodes, [](const Node& node) {
           return std::ranges::any_of(node.attributes, [](const auto& a) { return is_half(a.first, a.second); });
         });
}

Tensor widened(const Tensor& tensor, const std::string& name) {
  std::vector<float> values(tensor.bytes.size() / 2);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t half = 0;
    std::memcpy(&half, tensor.bytes.data() + 2 * i, 2);
    values[i] = from_half(half);
  }
  return Tensor::of(name, tensor.shape, values);
}

/// A value that is FP16 keeps its name in FP32, and gets another for closed nodes; where a subgraph knows it by its name,
/// it is the other way round.
class Widening {
 public:
  explicit Widening(Model& model) : model_(model), types_(infer_types(model)), wiring_(model), names_(model) {}

  void run() {
    std::erase_if(model_.nodes, [&](const Node& node) { return is_folded(node); });
    std::map<std::string, bool> by_closed;  // value: whether a closed node makes it
    for (auto& node : model_.nodes) {
      const bool closed = is_closed(node);
      for (const auto& output : node.outputs) by_closed[output] = closed;
      if (!closed) widen(node);
      for (auto* values : {&node.inputs, &node.outputs}) {
        for (auto& value : *values) value = closed ? half_name(value) : float_name(value);
      }
    }
    for (const auto& [value, other] : others_) {
      if (const auto* constant = model_.constant(value)) {
        Tensor copy = *constant;
        copy.name = other;
        model_.constants[other] = wiring_.is_captured(value) ? widened(*constant, other) : std::move(copy);
        continue;
      }
      const auto maker = by_closed.find(value);
      const bool made_half = maker == by_closed.end() ? wiring_.is_captured(value) : maker->second;
      const bool is_made = wiring_.is_captured(value) == made_half;  // else `other` is, and `value` its copy
      model_.nodes.push_back(cast(other, is_made ? value : other, is_made ? other : value, made_half ? kFloat : kHalf));
    }
    for (auto& [name, tensor] : model_.constants) {
      if (is_half(name) && !wiring_.is_captured(name)) tensor = widened(tensor, name);
    }
    for (auto* ends : {&model_.inputs, &model_.outputs}) {
      for (auto& end : *ends) {
        if (is_half(end.name) && !wiring_.is_captured(end.name)) end.type = ElementType::kFloat;
      }
    }
    model_.values.clear();
    require(onnx::sort_nodes(model_), "casts made a cycle");
    onnx::remove_unused(model_);
    onnx::check(model_, "FP32 model");
  }

 private:
  bool is_half(const std::string& value) const {
    const auto found = types_.find(value);
    return found != types_.end() && found->second.type == ElementType::kFloat16;
  }
  bool is_float(const std::string& value) const {
    const auto found = types_.find(value);
    return found != types_.end() && found->second.type == ElementType::kFloat;
  }

  /// Weights that are stored as halves are known by the name that they have behind their cast: training looks for it.
  bool is_folded(const Node& node) {
    const auto* constant = casts_to(node, kFloat) ? model_.constant(node.inputs[0]) : nullptr;
    const auto is_output = [&](const auto& output) { return output.name == node.outputs[0]; };
    if (!constant || constant->type != ElementType::kFloat16 || std::ranges::any_of(model_.outputs, is_output)) return false;
    model_.constants[node.outputs[0]] = widened(*constant, node.outputs[0]);
    return true;
  }

  const std::string& other_name(const std::string& value, const char* end) {
    auto& name = others_[value];
    if (name.empty()) name = names_.take(value + end);
    return name;
  }
  std::string float_name(const std::string& value) {
    return is_half(value) && wiring_.is_captured(value) ? other_name(value, "_fp32") : value;
  }
  std::string half_name(const std::string& value) {
    return is_half(value) && !wiring_.is_captured(value) ? other_name(value, "_fp16") : value;
  }

  void widen(Node& node) const {
    for (auto& [name, value] : node.attributes) {
      if (!optimize::is_half(name, value)) continue;
      if (const auto* tensor = std::get_if<Tensor>(&value)) value = widened(*tensor, tensor->name);
      else value = kFloat;
    }
    if (casts_to(node, kFloat) && (is_half(node.inputs[0]) || is_float(node.inputs[0]))) {
      node.op = "Identity";
      node.attributes.clear();
    }
  }

  Model& model_;
  const std::map<std::string, ValueType> types_;
  const onnx::Wiring wiring_;
  onnx::FreeNames names_;
  std::map<std::string, std::string> others_;
};

}  // namespace

void to_fp32(Model& model) {
  if (has_halves(model)) Widening(model).run();
}

void narrow_ends(Model& model, const std::set<std::string>& names) {
  if (names.empty()) return;
  const onnx::Wiring wiring(model);
  onnx::FreeNames free(model);
  std::map<std::string, std::string> inputs, outputs;  // name of the value -> of the FP32 one
  std::vector<Node> casts;
  for (auto& input : model.inputs) {
    if (!names.contains(input.name) || input.type != ElementType::kFloat) continue;
    input.type = ElementType::kFloat16;
    const auto& name = inputs[input.name] = free.take(input.name + "_fp32");
    casts.push_back(cast(name, input.name, name, kFloat));
  }
  for (auto& output : model.outputs) {
    if (!names.contains(output.name) || output.type != ElementType::kFloat) continue;
    output.type = ElementType::kFloat16;
    const auto maker = wiring.producer(output.name);
    if (maker == onnx::Wiring::kNone) continue;  // it is an input
    if (casts_to(model.nodes[maker], kFloat) && wiring.consumers(output.name).empty()) {
      model.nodes[maker].attributes["to"] = kHalf;
      continue;
    }
    const auto& name = outputs[output.name] = free.take(output.name + "_fp32");
    casts.push_back(cast(name, name, output.name, kHalf));
  }
  for (auto& node : model.nodes) {
    for (auto& value : node.inputs) {
      if (const auto found = outputs.find(value); found != outputs.end()) value = found->second;
      else if (const auto input = inputs.find(value); input != inputs.end() && !casts_to(node, kHalf)) value = input->second;
    }
    for (auto& value : node.outputs) {
      if (const auto found = outputs.find(value); found != outputs.end()) value = found->second;
    }
  }
  std::ranges::move(casts, std::back_inserter(model.nodes));
  model.values.clear();
  require(onnx::sort_nodes(model), "casts made a cycle");
  onnx::remove_unused(model);
}

}  // namespace goshawk::optimize
