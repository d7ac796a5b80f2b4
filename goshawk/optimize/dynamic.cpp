#include "goshawk/optimize/dynamic.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "goshawk/core/error.h"
#include "goshawk/onnx/free_names.h"
#include "goshawk/onnx/wiring.h"
#include "goshawk/optimize/int8_weights.h"
#include "goshawk/optimize/precision.h"
#include "goshawk/optimize/simplify.h"
#include "goshawk/optimize/widen.h"
#include "goshawk/runtime/plain_model.h"

namespace goshawk::optimize {
namespace {

using onnx::ElementType;
using onnx::Model;
using onnx::Node;
using onnx::Tensor;

bool is_matrix_product(const Node& node, const Model& model) {
  if (!node.is("MatMul") || node.inputs.size() != 2 || model.constant(node.inputs[0])) return false;
  const auto* weights = model.constant(node.inputs[1]);
  return weights && weights->type == ElementType::kFloat && weights->shape.size() == 2 && weights->count() > 0;
}

/// Two thirds of the arithmetic in convolutions: its products are not what takes the time.
void refuse_convolutions(const Model& model, const std::string& where) {
  double convolutions = 0, products = 0;
  for (const auto& node : model.nodes) {
    const auto* weights = node.inputs.size() > 1 ? model.constant(node.inputs[1]) : nullptr;
    if (!weights) continue;
    if (node.is("Conv")) convolutions += static_cast<double>(weights->count());
    if (is_matrix_product(node, model)) products += static_cast<double>(weights->count());
  }
  if (convolutions > products) {
    throw Error(
        ErrorCode::kBadConfig, "dynamic quantization gains nothing for a network of convolutions", where,
        "Their activations would be measured anew in every run. Quantize statically: leave --dynamic out and give --data.");
  }
}

/// One weight scale a column, as MatMulInteger takes it. `most`: the largest weight.
void write_product(Model& model, std::size_t index, float most, onnx::FreeNames& names,
                   std::map<std::string, std::array<std::string, 3>>& measured) {
  const Node source = model.nodes[index];
  const Tensor& weights = *model.constant(source.inputs[1]);
  const auto columns = static_cast<std::size_t>(weights.shape[1]);
  const auto small = quantize_weights(weights, 1, std::vector<float>(columns, 0.0F), most);
  const std::string base = source.outputs[0];
  const auto name = [&](const char* what) { return names.take(base + what); };
  auto& input = measured[source.inputs[0]];
  if (input[0].empty()) {
    input = {names.take(source.inputs[0] + "_q"), names.take(source.inputs[0] + "_scale"),
             names.take(source.inputs[0] + "_zero")};
    model.nodes.push_back(
        {"DynamicQuantizeLinear", input[0], "", {source.inputs[0]}, {input[0], input[1], input[2]}, {}, {}});
  }
  const auto weight_q = name("_weights_q"), weight_scale = name("_weights_scale"), sum = name("_sum"), real = name("_real"),
             scale = name("_unit");
  model.constants[weight_q] = Tensor::of(weight_q, weights.shape, small.integers);
  model.constants[weight_scale] = Tensor::of(weight_scale, {weights.shape[1]}, small.scales);
  model.nodes.push_back({"MatMulInteger", sum, "", {input[0], weight_q, input[2]}, {sum}, {}, {}});
  model.nodes.push_back({"Cast", real, "", {sum}, {real}, {{"to", static_cast<std::int64_t>(ElementType::kFloat)}}, {}});
  model.nodes.push_back({"Mul", scale, "", {input[1], weight_scale}, {scale}, {}, {}});
  model.nodes[index] = {"Mul", source.name, "", {real, scale}, source.outputs, {}, {}};
}

/// The models on the same random numbers; -1 where an input is no float tensor, or its size is open and `a` does not take
/// this one.
double error_on_noise(const Model& a, const Model& b) {
  constexpr std::int64_t kSide = 640;  // of pictures where it is open
  runtime::PlainModel first(onnx::serialize(a), "model"), second(onnx::serialize(b), "quantized model");
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<runtime::RawTensor> inputs;
  for (const auto& info : first.inputs()) {
    if (info.type != runtime::ElementType::kFloat32) return -1;
    auto shape = info.shape;
    for (std::size_t d = 0; d < shape.size(); ++d) {
      if (shape[d] < 0) shape[d] = shape.size() == 4 && d > 1 ? kSide : 1;
    }
    std::vector<float> values(onnx::count_of(shape).value_or(0));
    for (auto& v : values) v = normal(random);
    inputs.push_back(runtime::RawTensor::of(info.name, std::move(shape), values));
  }
  std::vector<runtime::RawTensor> expected;
  try {
    expected = first.run(inputs);
  } catch (const Error&) {
    return -1;
  }
  const auto found = second.run(inputs);
  double difference = 0, power = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto e = expected[i].floats(), f = found[i].floats();
    if (e.size() != f.size()) continue;
    for (std::size_t k = 0; k < e.size(); ++k) {
      difference += static_cast<double>(f[k] - e[k]) * static_cast<double>(f[k] - e[k]);
      power += static_cast<double>(e[k]) * static_cast<double>(e[k]);
    }
  }
  return std::sqrt(difference / std::max(power, 1e-30));
}

}  // namespace

Dynamic quantize_dynamic(const Model& model, const std::string& where, bool narrow_weights) {
  Dynamic done;
  done.model = model;
  to_fp32(done.model);
  simplify(done.model);
  if (!upgrade_to_13(done.model))
    throw Error(ErrorCode::kBadConfig, "the model's operator set cannot be brought to 13", where);
  refuse_convolutions(done.model, where);
  const Model before = done.model;
  std::map<std::string, std::array<std::string, 3>> measured;
  onnx::FreeNames names(done.model);
  const std::size_t count = done.model.nodes.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_matrix_product(done.model.nodes[i], done.model)) continue;
    done.layers.push_back(done.model.nodes[i].label());
    write_product(done.model, i, narrow_weights ? kNarrowWeights : 127.0F, names, measured);
  }
  if (done.layers.empty())
    throw Error(ErrorCode::kBadConfig, "nothing can be quantized: the model has no product with a constant matrix", where);
  onnx::sort_nodes(done.model);
  onnx::remove_unused(done.model);
  onnx::check(done.model, "quantized model");
  done.output_error = error_on_noise(before, done.model);
  done.model = stored_as(std::move(done.model), storage_of(model));
  return done;
}

}  // namespace goshawk::optimize
