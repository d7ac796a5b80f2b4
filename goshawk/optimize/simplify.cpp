#include "goshawk/optimize/simplify.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "goshawk/core/error.h"
#include "goshawk/onnx/free_names.h"
#include "goshawk/onnx/wiring.h"
#include "goshawk/optimize/shapes.h"
#include "goshawk/runtime/plain_model.h"

namespace goshawk::optimize {
namespace {

using onnx::ElementType;
using onnx::Model;
using onnx::Node;
using onnx::Shape;
using onnx::Tensor;
using onnx::Wiring;

// ---- Constant nodes -------------------------------------------------------------------------------------------------

std::optional<Tensor> value_of(const Node& node) {
  const auto& name = node.outputs.front();
  for (const auto& [key, value] : node.attributes) {
    if (const auto* tensor = std::get_if<Tensor>(&value); tensor && key == "value") {
      Tensor constant = *tensor;
      constant.name = name;
      return constant;
    }
    if (const auto* number = std::get_if<float>(&value); number && key == "value_float")
      return Tensor::of(name, {}, std::vector{*number});
    if (const auto* number = std::get_if<std::int64_t>(&value); number && key == "value_int")
      return Tensor::of(name, {}, std::vector{*number});
    if (const auto* list = std::get_if<std::vector<float>>(&value); list && key == "value_floats") {
      return Tensor::of(name, {static_cast<std::int64_t>(list->size())}, *list);
    }
    if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value); list && key == "value_ints") {
      return Tensor::of(name, {static_cast<std::int64_t>(list->size())}, *list);
    }
  }
  return std::nullopt;
}

/// A graph's outputs must be made by a node or be inputs: some runtimes refuse a constant there.
bool may_become_constant(const Node& node, const Wiring& wiring) {
  return std::none_of(node.outputs.begin(), node.outputs.end(), [&](const auto& o) { return wiring.is_output(o); });
}

void constants_of_nodes(Model& model) {
  const Wiring wiring(model);
  std::erase_if(model.nodes, [&](const Node& node) {
    if (!node.is("Constant") || node.outputs.size() != 1 || !may_become_constant(node, wiring)) return false;
    auto constant = value_of(node);
    if (!constant) return false;
    model.constants[node.outputs.front()] = std::move(*constant);
    return true;
  });
}

// ---- Folding --------------------------------------------------------------------------------------------------------

/// Operators without randomness and state, whose outputs' sizes follow from their inputs' in a way that `most_made` knows.
enum class Growth { kBroadcast, kSum, kLike, kTarget, kRange };
std::optional<Growth> growth_of(const Node& node) {
  static const std::map<std::string, Growth> kKnown = [] {
    std::map<std::string, Growth> known;
    for (const auto* op : {"Add", "Sub", "Mul", "Div", "Pow", "Mod", "And", "Or", "Xor", "Equal", "Greater", "Less",
                           "GreaterOrEqual", "LessOrEqual", "Where", "Min", "Max"}) {
      known[op] = Growth::kBroadcast;
    }
    for (const auto* op :
         {"Cast",      "Shape",      "Size",      "Reshape",    "Transpose",  "Slice",   "Unsqueeze", "Squeeze",
          "Flatten",   "Floor",      "Ceil",      "Round",      "Sqrt",       "Exp",     "Log",       "Neg",
          "Abs",       "Not",        "Sign",      "Reciprocal", "Identity",   "Sigmoid", "Tanh",      "Relu",
          "ReduceSum", "ReduceProd", "ReduceMax", "ReduceMin",  "ReduceMean", "ArgMax",  "ArgMin",    "Erf",
          "Sin",       "Cos",        "Clip",      "CumSum",     "Softmax",    "Split"}) {
      known[op] = Growth::kLike;
    }
    known["Concat"] = Growth::kSum;
    known["ConstantOfShape"] = known["Expand"] = Growth::kTarget;
    known["Range"] = Growth::kRange;
    return known;
  }();
  if (!node.domain.empty()) return std::nullopt;
  const auto found = kKnown.find(node.op);
  if (found != kKnown.end()) return found->second;
  return std::nullopt;
}

/// At most so many values come out; nullopt where it cannot be said.
std::optional<double> most_made(const Node& node, const Model& model) {
  const auto growth = growth_of(node);
  if (!growth) return std::nullopt;
  const auto shape = [&](std::size_t i) { return model.constant(node.inputs[i])->shape; };
  const auto product = [](const Shape& dims) {
    return std::accumulate(dims.begin(), dims.end(), 1.0,
                           [](double a, std::int64_t d) { return a * static_cast<double>(std::max<std::int64_t>(d, 1)); });
  };
  switch (*growth) {
    case Growth::kLike:
      return node.inputs.empty() ? 0.0 : product(shape(0));
    case Growth::kSum: {
      double sum = 0;
      for (std::size_t i = 0; i < node.inputs.size(); ++i) sum += product(shape(i));
      return sum;
    }
    case Growth::kBroadcast: {
      double all = 1;  // dimension by dimension, from the last
      for (std::size_t d = 1;; ++d) {
        std::int64_t longest = 0;
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
          if (const auto s = shape(i); s.size() >= d)
            longest = std::max(longest, std::max<std::int64_t>(1, s[s.size() - d]));
        }
        if (longest == 0) return all;
        all *= static_cast<double>(longest);
      }
    }
    case Growth::kTarget: {
      const std::size_t last = node.inputs.size() - 1;
      const auto& target = *model.constant(node.inputs[last]);
      if (target.type != ElementType::kInt64) return std::nullopt;
      return product(target.integers()) * (last == 0 ? 1.0 : product(shape(0)));
    }
    case Growth::kRange: {
      if (node.inputs.size() != 3) return std::nullopt;
      std::array<double, 3> numbers{};
      for (std::size_t i = 0; i < 3; ++i) {
        const auto& t = *model.constant(node.inputs[i]);
        if (t.count() != 1) return std::nullopt;
        if (t.type == ElementType::kFloat) numbers[i] = static_cast<double>(t.floats()[0]);
        else if (t.type == ElementType::kInt64 || t.type == ElementType::kInt32)
          numbers[i] = static_cast<double>(t.integers()[0]);
        else return std::nullopt;
      }
      const double made = (numbers[1] - numbers[0]) / numbers[2];
      return std::isfinite(made) ? std::optional(std::max(0.0, made) + 1) : std::nullopt;
    }
  }
  return std::nullopt;
}

bool is_foldable(const Node& node, const Model& model, const Wiring& wiring, std::size_t most_values) {
  if (!node.captured.empty() || node.inputs.empty() || !may_become_constant(node, wiring)) return false;
  for (const auto& input : node.inputs) {
    if (input.empty()) continue;
    const auto* constant = model.constant(input);
    if (!constant || onnx::size_of(constant->type) == 0) return false;
  }
  if (std::any_of(node.inputs.begin(), node.inputs.end(), [](const auto& i) { return i.empty(); }) && !node.is("Clip"))
    return false;
  if (node.inputs[0].empty()) return false;
  if (node.is("Clip") || node.is("Slice")) {  // their other inputs are bounds, not sizes
    return static_cast<double>(model.constant(node.inputs[0])->count()) <= static_cast<double>(most_values);
  }
  const auto made = most_made(node, model);
  return made && *made <= static_cast<double>(most_values);
}

/// One round: every node all of whose inputs are constants. Returns how many went.
std::size_t fold_round(Model& model, std::size_t most_values) {
  const Wiring wiring(model);
  std::vector<char> folds(model.nodes.size());
  Model part;
  part.opset = model.opset;
  part.ir_version = std::max<std::int64_t>(model.ir_version, 4);
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    const Node& node = model.nodes[i];
    if (!is_foldable(node, model, wiring, most_values)) continue;
    folds[i] = 1;
    for (const auto& input : node.inputs) {
      if (!input.empty()) part.constants[input] = *model.constant(input);
    }
    for (const auto& output : node.outputs) {
      if (!output.empty()) part.outputs.push_back({output, {}, {}, {}});
    }
    part.nodes.push_back(node);
  }
  if (part.nodes.empty()) return 0;
  runtime::PlainModel runs(onnx::serialize(part), "constants", {.threads = 1, .optimize = false});
  for (auto& result : runs.run({})) {
    model.constants[result.name] = {result.name, static_cast<ElementType>(result.type), std::move(result.shape),
                                    std::move(result.bytes)};
  }
  std::size_t next = 0;
  std::erase_if(model.nodes, [&](const Node&) { return folds[next++] != 0; });
  return part.nodes.size();
}

// ---- Nodes that do nothing ------------------------------------------------------------------------------------------

bool does_nothing(const Node& node, const Model& model) {
  if (node.inputs.empty() || node.inputs[0].empty() || node.outputs.empty() || node.outputs[0].empty()) return false;
  if (node.is("Identity")) return true;
  if (node.is("Dropout")) {
    const bool training = node.inputs.size() > 2 && !node.inputs[2].empty();
    return !training && (node.outputs.size() < 2 || node.outputs[1].empty());
  }
  if (node.is("Concat")) return node.inputs.size() == 1;
  if (node.is("Transpose")) {
    const auto order = node.integers("perm");
    return !order.empty() && std::is_sorted(order.begin(), order.end());
  }
  if (node.is("Pad") && node.inputs.size() > 1 && (node.inputs.size() < 4 || node.inputs[3].empty())) {
    const auto* pads = model.constant(node.inputs[1]);
    if (!pads || pads->type != ElementType::kInt64) return false;
    const auto sizes = pads->integers();
    return std::all_of(sizes.begin(), sizes.end(), [](auto s) { return s == 0; });
  }
  return false;
}

/// Whether `value` may be called otherwise: it is made by a node, and neither an output nor known to a subgraph.
bool can_rename(const std::string& value, const Wiring& wiring) {
  return wiring.producer(value) != Wiring::kNone && !wiring.is_output(value) && !wiring.is_captured(value);
}

std::size_t remove_identities(Model& model) {
  std::size_t removed = 0;
  const Wiring wiring(model);
  std::map<std::string, std::string> renamed;  // old -> new
  const auto current = [&](std::string name) {
    for (auto found = renamed.find(name); found != renamed.end(); found = renamed.find(name)) name = found->second;
    return name;
  };
  std::vector<char> gone(model.nodes.size());
  std::set<std::string> fixed;  // names that something else was renamed to
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    const Node& node = model.nodes[i];
    if (!does_nothing(node, model)) continue;
    const std::string from = current(node.inputs[0]);
    const std::string& to = node.outputs[0];
    if (!wiring.is_output(to) && !wiring.is_captured(to)) {
      renamed[to] = from;
    } else if (wiring.is_output(to) && from == node.inputs[0] && can_rename(from, wiring) && !fixed.contains(from)) {
      renamed[from] = to;  // the output keeps its name: what made the value makes it under that
      fixed.insert(to);
    } else {
      continue;
    }
    gone[i] = 1;
    ++removed;
  }
  if (removed == 0) return 0;
  for (auto& node : model.nodes) {
    for (auto& input : node.inputs) {
      if (!input.empty()) input = current(input);
    }
  }
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    if (gone[i]) continue;
    for (auto& output : model.nodes[i].outputs) {
      if (!output.empty()) output = current(output);
    }
  }
  std::size_t next = 0;
  std::erase_if(model.nodes, [&](const Node&) { return gone[next++] != 0; });
  for (const auto& [from, to] : renamed) model.values.erase(from);
  return removed;
}

// ---- Batch norms ----------------------------------------------------------------------------------------------------

/// Factor and offset of each channel; empty where the norm's numbers are no constants.
std::optional<std::pair<std::vector<double>, std::vector<double>>> affine_of(const Node& norm, const Model& model) {
  if (norm.inputs.size() != 5 || norm.integer("training_mode", 0) != 0) return std::nullopt;
  std::array<std::vector<float>, 4> numbers;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto* constant = model.constant(norm.inputs[i + 1]);
    if (!constant || constant->type != ElementType::kFloat) return std::nullopt;
    numbers[i] = constant->floats();
  }
  const auto& [scale, shift, mean, variance] = numbers;
  if (shift.size() != scale.size() || mean.size() != scale.size() || variance.size() != scale.size()) return std::nullopt;
  const double epsilon = static_cast<double>(norm.number("epsilon", 1e-5F));
  std::vector<double> factors, offsets;
  for (std::size_t c = 0; c < scale.size(); ++c) {
    const double factor = static_cast<double>(scale[c]) / std::sqrt(static_cast<double>(variance[c]) + epsilon);
    factors.push_back(factor);
    offsets.push_back(static_cast<double>(shift[c]) - static_cast<double>(mean[c]) * factor);
    if (!std::isfinite(factors.back()) || !std::isfinite(offsets.back())) return std::nullopt;
  }
  return std::pair{std::move(factors), std::move(offsets)};
}

/// Where the convolution's output channels lie in its weights: [begin of channel c) strides.
struct Filters {
  std::size_t channels = 0, per_channel = 0;
};

std::optional<Filters> filters_of(const Node& node, const Tensor& weights) {
  if (node.is("Conv") && weights.shape.size() >= 3) {
    const auto channels = static_cast<std::size_t>(weights.shape[0]);
    if (channels == 0) return std::nullopt;
    return Filters{channels, weights.count() / channels};
  }
  if (node.is("Gemm") && weights.shape.size() == 2 && node.integer("transB", 0) == 1 && node.number("alpha", 1) == 1 &&
      node.number("beta", 1) == 1) {
    const auto channels = static_cast<std::size_t>(weights.shape[0]);
    if (channels == 0) return std::nullopt;
    return Filters{channels, static_cast<std::size_t>(weights.shape[1])};
  }
  return std::nullopt;
}

bool fold_into(Model& model, onnx::FreeNames& names, Node& before, const Node& norm) {
  if (before.inputs.size() < 2) return false;
  const auto* weights = model.constant(before.inputs[1]);
  if (!weights || weights->type != ElementType::kFloat) return false;
  const auto filters = filters_of(before, *weights);
  const auto affine = affine_of(norm, model);
  if (!filters || !affine || affine->first.size() != filters->channels) return false;
  std::vector<float> bias(filters->channels, 0.0F);
  if (before.inputs.size() > 2 && !before.inputs[2].empty()) {
    const auto* given = model.constant(before.inputs[2]);
    if (!given || given->type != ElementType::kFloat || given->count() != filters->channels) return false;
    bias = given->floats();
  }
  auto values = weights->floats();
  for (std::size_t c = 0; c < filters->channels; ++c) {
    const double factor = affine->first[c];
    bias[c] = static_cast<float>(static_cast<double>(bias[c]) * factor + affine->second[c]);
    for (std::size_t i = 0; i < filters->per_channel; ++i) {
      float& v = values[c * filters->per_channel + i];
      v = static_cast<float>(static_cast<double>(v) * factor);
    }
  }
  // Other nodes may share the weights: they keep theirs.
  const std::string weight_name = names.take(before.inputs[1] + "_folded");
  model.constants[weight_name] = Tensor::of(weight_name, weights->shape, values);
  const std::string bias_name = names.take(before.outputs[0] + "_bias");
  model.constants[bias_name] = Tensor::of(bias_name, {static_cast<std::int64_t>(bias.size())}, bias);
  before.inputs.resize(3);
  before.inputs[1] = weight_name;
  before.inputs[2] = bias_name;
  return true;
}

std::size_t fold_batch_norms(Model& model) {
  const Wiring wiring(model);
  onnx::FreeNames names(model);
  std::vector<char> gone(model.nodes.size());
  std::size_t folded = 0;
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    const Node norm = model.nodes[i];
    if (!norm.is("BatchNormalization") || norm.inputs.empty() || norm.outputs.empty()) continue;
    if (std::any_of(norm.outputs.begin() + 1, norm.outputs.end(), [](const auto& o) { return !o.empty(); })) continue;
    const auto maker = wiring.producer(norm.inputs[0]);
    if (maker == Wiring::kNone || !wiring.has_one_use(norm.inputs[0]) || gone[maker]) continue;
    if (!fold_into(model, names, model.nodes[maker], norm)) continue;
    model.nodes[maker].outputs[0] = norm.outputs[0];
    gone[i] = 1;
    ++folded;
  }
  std::size_t next = 0;
  std::erase_if(model.nodes, [&](const Node&) { return gone[next++] != 0; });
  return folded;
}

}  // namespace

Simplified simplify(Model& model, const SimplifyOptions& options) {
  Simplified done;
  done.nodes_before = model.nodes.size();
  constants_of_nodes(model);
  for (int round = 0; round < 64; ++round) {
    std::size_t changed = remove_identities(model);
    done.identities += changed;
    if (options.fold_constants) {
      const std::size_t folded = fold_round(model, options.most_values);
      done.constants_folded += folded;
      changed += folded;
    }
    if (options.fold_batch_norms) {
      const std::size_t folded = fold_batch_norms(model);
      done.batch_norms += folded;
      changed += folded;
    }
    if (changed == 0) break;
  }
  done.unused = onnx::remove_unused(model);
  onnx::check(model, "simplified model");
  done.nodes_after = model.nodes.size();
  return done;
}

namespace {

/// Moves a list from an attribute to input `place`.
void to_input(Model& model, onnx::FreeNames& names, Node& node, const std::string& attribute, std::size_t place) {
  const auto list = node.integers(attribute);
  if (!node.attributes.contains(attribute)) return;
  const std::string name = names.take(node.outputs[0] + "_" + attribute);
  model.constants[name] = Tensor::of(name, {static_cast<std::int64_t>(list.size())}, list);
  node.inputs.resize(std::max(node.inputs.size(), place + 1));
  node.inputs[place] = name;
  node.attributes.erase(attribute);
}

/// Before 13 Softmax saw a matrix, from `axis` on, which is the same for the last axis only. Writes that as -1.
bool softmax_over_last_axis(Model& model) {
  std::map<std::string, ValueType> types;
  for (auto& node : model.nodes) {
    if (!node.is("Softmax") && !node.is("LogSoftmax") && !node.is("Hardmax")) continue;
    const auto axis = node.integer("axis", 1);
    if (axis == -1) continue;
    if (types.empty()) types = infer_types(model);
    const auto found = types.find(node.inputs[0]);
    if (found == types.end() || axis + 1 != static_cast<std::int64_t>(found->second.shape.size())) return false;
    node.attributes["axis"] = std::int64_t{-1};
  }
  return true;
}

}  // namespace

bool upgrade_to_13(Model& model) {
  if (model.opset >= 13) return true;
  if (model.opset < 11) return false;
  for (const auto& node : model.nodes) {
    if (!node.captured.empty() || node.is("If") || node.is("Loop") || node.is("Scan")) return false;
  }
  if (!softmax_over_last_axis(model)) return false;
  onnx::FreeNames names(model);
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    Node& node = model.nodes[i];
    if (node.is("Squeeze") || node.is("Unsqueeze") || node.is("ReduceSum")) to_input(model, names, node, "axes", 1);
    if (node.is("Split")) to_input(model, names, node, "split", 1);
    if (node.is("Dropout") && node.attributes.contains("ratio")) node.attributes.erase("ratio");
  }
  model.opset = 13;
  model.ir_version = std::max<std::int64_t>(model.ir_version, 7);
  return true;
}

}  // namespace goshawk::optimize
