#include "goshawk/optimize/precision.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/onnx/free_names.h"
#include "goshawk/onnx/wiring.h"
#include "goshawk/optimize/shapes.h"
#include "goshawk/optimize/widen.h"

namespace goshawk::optimize {
namespace {

using onnx::ElementType;
using onnx::Model;
using onnx::Node;
using onnx::Tensor;

constexpr float kLargestHalf = 65504.0F;

const std::set<std::string>& half_operators() {
  static const std::set<std::string> kOps{"Conv",
                                          "ConvTranspose",
                                          "Gemm",
                                          "MatMul",
                                          "Relu",
                                          "LeakyRelu",
                                          "PRelu",
                                          "Elu",
                                          "Sigmoid",
                                          "HardSigmoid",
                                          "HardSwish",
                                          "Tanh",
                                          "Mul",
                                          "Add",
                                          "Sub",
                                          "Div",
                                          "Max",
                                          "Min",
                                          "Clip",
                                          "Concat",
                                          "MaxPool",
                                          "AveragePool",
                                          "GlobalAveragePool",
                                          "Resize",
                                          "Slice",
                                          "Split",
                                          "Reshape",
                                          "Transpose",
                                          "Squeeze",
                                          "Unsqueeze",
                                          "Flatten",
                                          "Pad",
                                          "Softmax",
                                          "BatchNormalization",
                                          "LayerNormalization",
                                          "Gather",
                                          "Expand",
                                          "Identity",
                                          "Erf",
                                          "Gelu",
                                          "Neg",
                                          "Abs",
                                          "Tile"};
  return kOps;
}

Tensor narrowed(const Tensor& tensor, const std::string& name, ElementType type) {
  const auto values = tensor.floats();
  std::string bytes(values.size() * 2, '\0');
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t half = type == ElementType::kFloat16 ? to_half(values[i]) : to_bfloat(values[i]);
    // One number that is not 0 is there to be divided by: 1e-12 becomes the smallest that there is.
    if (values.size() == 1 && values[i] != 0 && (half & 0x7fffU) == 0) half |= 1U;
    std::memcpy(bytes.data() + 2 * i, &half, 2);
  }
  return {name, type, tensor.shape, std::move(bytes)};
}

bool beyond_half(const Tensor& tensor) {
  const auto values = tensor.floats();
  return std::any_of(values.begin(), values.end(), [](float v) { return std::abs(v) > kLargestHalf; });
}

/// Inputs that are parameters of the operator and float in every precision.
bool stays_float(const Node& node, std::size_t input) { return node.is("Resize") && (input == 1 || input == 2); }

class Halving {
 public:
  Halving(const Model& model, const HalfOptions& options)
      : source_(model), options_(options), types_(infer_types(model)), wiring_(model), names_(model) {
    done_.model = model;
    done_.model.values.clear();
  }

  Halved run() {
    decide();
    for (std::size_t i = 0; i < source_.nodes.size(); ++i) rewrite(i);
    std::vector<Node> nodes;
    for (std::size_t i = 0; i < done_.model.nodes.size(); ++i) nodes.push_back(std::move(done_.model.nodes[i]));
    for (auto& cast : casts_) nodes.push_back(std::move(cast));
    done_.model.nodes = std::move(nodes);
    onnx::sort_nodes(done_.model);
    onnx::remove_unused(done_.model);
    onnx::check(done_.model, "FP16 model");
    return std::move(done_);
  }

 private:
  bool is_float(const std::string& value) const {
    const auto found = types_.find(value);
    return found != types_.end() && found->second.type == ElementType::kFloat;
  }

  bool overflows(const std::string& value) const {
    if (const auto* constant = source_.constant(value)) return beyond_half(*constant);
    if (!options_.calibration) return false;
    const auto found = options_.calibration->values.find(value);
    if (found == options_.calibration->values.end()) return false;
    const Range seen = found->second.histogram.seen();
    return std::max(-seen.low, seen.high) > kLargestHalf / 2;
  }

  /// Why a node stays in FP32; empty: it need not.
  std::string reason(const Node& node) const {
    if (options_.keep_float.contains(node.label()) || options_.keep_float.contains(node.op)) return "kept by wish";
    if (!node.domain.empty() || !half_operators().contains(node.op)) return node.op + " is not known to be safe";
    if (!node.captured.empty()) return "it has a subgraph";
    if (node.is("LayerNormalization") && node.outputs.size() > 1) return "its mean or deviation is FP32 and is taken";
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
      if (!node.inputs[k].empty() && is_float(node.inputs[k]) && !stays_float(node, k) && overflows(node.inputs[k]))
        return "its input overflows";
    }
    for (const auto& output : node.outputs) {
      if (is_float(output) && overflows(output)) return "its output overflows";
      if (wiring_.is_captured(output)) return "a subgraph takes its output";
    }
    return {};
  }

  void decide() {
    halved_.resize(source_.nodes.size());
    for (std::size_t i = 0; i < source_.nodes.size(); ++i) {
      const Node& node = source_.nodes[i];
      if (std::none_of(node.outputs.begin(), node.outputs.end(), [&](const auto& o) { return !o.empty() && is_float(o); }))
        continue;
      const auto why = reason(node);
      if (why.empty()) {
        halved_[i] = 1;
        ++done_.halved;
      } else {
        done_.in_float.push_back(node.label() + " (" + why + ")");
      }
    }
  }

  bool made_half(const std::string& value) const {
    const auto maker = wiring_.producer(value);
    return maker != onnx::Wiring::kNone && halved_[maker] != 0 && is_float(value);
  }

  /// The value's name while it is FP16: outputs of the model keep theirs for the FP32 value.
  std::string half_name(const std::string& value) {
    if (!wiring_.is_output(value)) return value;
    auto& name = half_names_[value];
    if (name.empty()) {
      name = names_.take(value + "_fp16");
      casts_.push_back(
          {"Cast", name + "_to_fp32", "", {name}, {value}, {{"to", static_cast<std::int64_t>(ElementType::kFloat)}}, {}});
    }
    return name;
  }

  std::string as_half(const std::string& value) {
    if (made_half(value)) return half_name(value);
    auto& name = to_half_[value];
    if (!name.empty()) return name;
    name = names_.take(value + "_half");
    if (const auto* constant = source_.constant(value)) {
      done_.model.constants[name] = narrowed(*constant, name, ElementType::kFloat16);
    } else {
      casts_.push_back({"Cast", name, "", {value}, {name}, {{"to", static_cast<std::int64_t>(ElementType::kFloat16)}}, {}});
    }
    return name;
  }

  std::string as_float(const std::string& value) {
    if (!made_half(value) || wiring_.is_output(value)) {
      if (made_half(value)) half_name(value);
      return value;
    }
    auto& name = to_float_[value];
    if (!name.empty()) return name;
    name = names_.take(value + "_float");
    casts_.push_back({"Cast", name, "", {value}, {name}, {{"to", static_cast<std::int64_t>(ElementType::kFloat)}}, {}});
    return name;
  }

  void rewrite(std::size_t i) {
    const Node& source = source_.nodes[i];
    Node& node = done_.model.nodes[i];
    for (std::size_t k = 0; k < source.inputs.size(); ++k) {
      const auto& input = source.inputs[k];
      if (input.empty() || !is_float(input)) continue;
      node.inputs[k] = halved_[i] && !stays_float(source, k) ? as_half(input) : as_float(input);
    }
    if (!halved_[i]) return;
    for (auto& output : node.outputs) {
      if (!output.empty() && is_float(output)) output = half_name(output);
    }
  }

  const Model& source_;
  const HalfOptions& options_;
  std::map<std::string, ValueType> types_;
  onnx::Wiring wiring_;
  onnx::FreeNames names_;
  Halved done_;
  std::vector<char> halved_;
  std::vector<Node> casts_;
  std::map<std::string, std::string> half_names_, to_half_, to_float_;
};

bool takes_weights(const Node& node) {
  return node.inputs.size() > 1 && (node.is("Conv") || node.is("ConvTranspose") || node.is("Gemm") || node.is("MatMul"));
}

/// The model with the weights of convolutions and products in `type`, each behind a cast to FP32.
Halved stored(const Model& model, ElementType type, const HalfOptions& options) {
  const std::string word = type == ElementType::kFloat16 ? "FP16" : "BF16";
  if (type == ElementType::kBfloat16 && model.opset < 13)
    throw Error(ErrorCode::kBadConfig, "BF16 storage needs operator set 13 or later");
  Halved done;
  done.model = model;
  const onnx::Wiring wiring(model);
  onnx::FreeNames names(model);
  for (const auto& node : model.nodes) {
    if (!takes_weights(node)) continue;
    const auto& name = node.inputs[1];
    const auto* weights = model.constant(name);
    if (!weights || weights->type != ElementType::kFloat || wiring.is_captured(name) || wiring.is_output(name)) continue;
    if (options.keep_float.contains(node.label()) || options.keep_float.contains(node.op)) {
      done.in_float.push_back(node.label() + " (kept by wish)");
      continue;
    }
    if (type == ElementType::kFloat16 && beyond_half(*weights)) {
      done.in_float.push_back(node.label() + " (its weights overflow)");
      continue;
    }
    if (!done.model.constants.contains(name)) continue;  // shared, and narrowed already
    const auto narrow = names.take(name + (type == ElementType::kFloat16 ? "_fp16" : "_bf16"));
    done.model.constants[narrow] = narrowed(*weights, narrow, type);
    done.model.constants.erase(name);
    done.model.nodes.push_back(
        {"Cast", name + "_widened", "", {narrow}, {name}, {{"to", static_cast<std::int64_t>(ElementType::kFloat)}}, {}});
    ++done.halved;
  }
  onnx::sort_nodes(done.model);
  onnx::check(done.model, word + " model");
  return done;
}

}  // namespace

std::uint16_t to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7E00U);
  if (std::isinf(value)) return static_cast<std::uint16_t>(sign | 0x7C00U);
  const float magnitude = std::min(std::abs(value), kLargestHalf);
  if (magnitude < 6.103515625e-05F) {  // subnormal: multiples of 2^-24
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::nearbyint(magnitude * 16777216.0F)));
  }
  auto m = std::bit_cast<std::uint32_t>(magnitude) - (112U << 23);
  m += 0xFFFU + ((m >> 13) & 1U);  // to nearest, ties to even
  return static_cast<std::uint16_t>(sign | std::min(m >> 13, 0x7BFFU));
}

float from_half(std::uint16_t half) {
  const float sign = (half & 0x8000U) != 0 ? -1.0F : 1.0F;
  const std::uint32_t exponent = (half >> 10) & 0x1FU, fraction = half & 0x3FFU;
  if (exponent == 0) return sign * static_cast<float>(fraction) / 16777216.0F;
  const std::uint32_t wide = exponent == 0x1FU ? 0xFFU : exponent + 112U;
  return std::bit_cast<float>((half & 0x8000U) << 16 | wide << 23 | fraction << 13);
}

std::uint16_t to_bfloat(float value) {
  auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  bits += 0x7FFFU + ((bits >> 16) & 1U);
  return static_cast<std::uint16_t>(bits >> 16);
}

void check_kept(const Model& model, const std::set<std::string>& keep) {
  std::set<std::string> known;
  for (const auto& node : model.nodes) known.insert({node.label(), node.op});
  for (const auto& name : keep) {
    if (known.contains(name)) continue;
    const std::vector<std::string> names(known.begin(), known.end());
    throw Error(ErrorCode::kUsage, "the model has no node or operator '" + name + "'" + did_you_mean(name, names), "--keep");
  }
}

Halved to_fp16(const Model& model, const HalfOptions& options) { return Halving(model, options).run(); }

Halved store_fp16(const Model& model, const HalfOptions& options) { return stored(model, ElementType::kFloat16, options); }

Halved to_bf16(const Model& model, const HalfOptions& options) { return stored(model, ElementType::kBfloat16, options); }

Storage storage_of(const Model& model) {
  Storage storage;
  const onnx::Wiring wiring(model);
  std::map<ElementType, std::size_t> numbers;
  for (const auto& node : model.nodes) {
    if (!takes_weights(node)) continue;
    const auto maker = wiring.producer(node.inputs[1]);
    const bool widened = maker != onnx::Wiring::kNone && model.nodes[maker].is("Cast");
    const auto* weights = model.constant(widened ? model.nodes[maker].inputs[0] : node.inputs[1]);
    if (weights) numbers[weights->type] += weights->count();
  }
  for (const auto type : {ElementType::kFloat16, ElementType::kBfloat16}) {
    if (numbers[type] > numbers[storage.weights]) storage.weights = type;
  }
  for (const auto* ends : {&model.inputs, &model.outputs}) {
    for (const auto& end : *ends) {
      if (end.type == ElementType::kFloat16) storage.half_ends.insert(end.name);
    }
  }
  return storage;
}

Model stored_as(Model model, const Storage& storage) {
  if (storage.weights != ElementType::kFloat) model = stored(model, storage.weights, {}).model;
  narrow_ends(model, storage.half_ends);
  return model;
}

}  // namespace goshawk::optimize
