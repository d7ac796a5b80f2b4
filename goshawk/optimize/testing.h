// For the tests of this folder: running models on the same numbers, and small networks.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "goshawk/onnx/graph_builder.h"
#include "goshawk/onnx/model.h"
#include "goshawk/runtime/plain_model.h"

namespace goshawk::optimize::testing {

/// Inputs of noise in the type that the model wants; dimensions that vary become `open`.
inline std::vector<runtime::RawTensor> noise_for(const runtime::PlainModel& model, std::int64_t open, float scale = 1) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, scale);
  std::vector<runtime::RawTensor> inputs;
  for (const auto& info : model.inputs()) {
    const bool is_float = info.type == runtime::ElementType::kFloat32;
    auto shape = info.shape;
    for (auto& d : shape) d = d < 0 ? open : d;
    const std::size_t count = onnx::count_of(shape).value();
    if (is_float) {
      std::vector<float> values(count);
      for (auto& v : values) v = normal(random);
      inputs.push_back(runtime::RawTensor::of(info.name, shape, values));
    } else {
      const std::vector<std::int64_t> values(count, 16000);  // silero_vad's sampling rate
      inputs.push_back({info.name, 7, shape, {}});
      inputs.back().bytes.assign(reinterpret_cast<const char*>(values.data()), count * sizeof(std::int64_t));
    }
  }
  return inputs;
}

inline std::vector<runtime::RawTensor> outputs_of(const onnx::Model& model, std::int64_t open, bool optimize,
                                                  float scale = 1) {
  runtime::PlainModel runs(onnx::serialize(model), "test", {.threads = 1, .optimize = optimize});
  return runs.run(noise_for(runs, open, scale));
}

inline std::vector<float> floats_of(const runtime::RawTensor& tensor) {
  const auto values = tensor.floats();
  return {values.begin(), values.end()};
}

/// Numbers of a normal distribution, the same in each call.
inline std::vector<float> normal_values(std::size_t count, float deviation, float mean = 0) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal(mean, deviation);
  std::vector<float> values(count);
  for (auto& v : values) v = normal(random);
  return values;
}

/// Root mean square of the difference over that of the values; 0 for nothing.
inline double relative_error(const std::vector<float>& expected, const std::vector<float>& found) {
  double difference = 0, power = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double e = static_cast<double>(expected[i]), d = static_cast<double>(found[i]) - e;
    difference += d * d;
    power += e * e;
  }
  return std::sqrt(difference / std::max(power, 1e-30));
}

/// A network as detectors are made of: stem, split, bottleneck with a residual sum, concat, depthwise, pooling, head; SiLU
/// between. Input "x" [1, 3, 23, 25] (odd on purpose), output "y" [1, 5, 6, 7].
inline onnx::Model small_network() {
  onnx::GraphBuilder graph("small");
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  const auto conv = [&](const std::string& name, const std::string& input, std::int64_t ins, std::int64_t outs,
                        std::int64_t kernel, std::int64_t stride, std::int64_t groups = 1) {
    const std::vector<std::int64_t> shape{outs, ins / groups, kernel, kernel};
    std::vector<float> weights(static_cast<std::size_t>(outs * ins / groups * kernel * kernel)),
        bias(static_cast<std::size_t>(outs));
    const float spread = 1.5F / std::sqrt(static_cast<float>(ins / groups * kernel * kernel));
    for (auto& w : weights) w = spread * normal(random);
    for (auto& b : bias) b = 0.3F * normal(random);
    const std::int64_t pad = kernel / 2;
    return graph.node("Conv",
                      {input, graph.constant(name + ".weight", shape, weights),
                       graph.constant(name + ".bias", std::vector<std::int64_t>{outs}, bias)},
                      {{"kernel_shape", std::vector<std::int64_t>{kernel, kernel}},
                       {"pads", std::vector<std::int64_t>{pad, pad, pad, pad}},
                       {"strides", std::vector<std::int64_t>{stride, stride}},
                       {"group", groups}},
                      name);
  };
  const auto silu = [&](const std::string& x) { return graph.node("Mul", {x, graph.node("Sigmoid", {x})}); };
  const auto x = graph.input("x", {std::int64_t{1}, std::int64_t{3}, std::int64_t{23}, std::int64_t{25}});
  const auto stem = silu(conv("stem", x, 3, 32, 3, 2));
  const auto halves = graph.node_of_many("Split", {stem, graph.constant("halves", std::vector<std::int64_t>{16, 16})}, 2,
                                         {{"axis", std::int64_t{1}}});
  const auto inner = silu(conv("inner", halves[1], 16, 16, 3, 1));
  const auto sum = graph.node("Add", {halves[1], silu(conv("second", inner, 16, 16, 3, 1))});
  const auto joined = graph.node("Concat", {halves[0], sum}, {{"axis", std::int64_t{1}}});
  const auto deep = silu(conv("depthwise", joined, 32, 32, 3, 2, 32));
  const auto pooled =
      graph.node("MaxPool", {deep},
                 {{"kernel_shape", std::vector<std::int64_t>{3, 3}}, {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  const auto wide = silu(conv("wide", graph.node("Concat", {deep, pooled}, {{"axis", std::int64_t{1}}}), 64, 24, 1, 1));
  conv("y", wide, 24, 5, 1, 1);
  graph.output("y", {std::int64_t{1}, std::int64_t{5}, std::int64_t{6}, std::int64_t{7}});
  return onnx::parse_model(graph.serialize("test", "1"), "small network");
}

/// A graph that bytes describe, whatever they are: nodes of the kinds that the lossless passes touch, on values [1, C, 4,
/// 5]. Valid by construction. `exact`: without batch norms.
inline onnx::Model graph_of(const std::vector<std::uint8_t>& bytes, bool exact) {
  std::size_t at = 0;
  const auto next = [&](std::size_t below) { return at < bytes.size() ? bytes[at++] % below : 0; };
  struct Value {
    std::string name;
    std::int64_t channels;
  };
  onnx::Model model;
  model.opset = 13;
  model.inputs.push_back(
      {"x",
       onnx::ElementType::kFloat,
       std::vector<onnx::ValueDimension>{std::int64_t{1}, std::int64_t{3}, std::int64_t{4}, std::int64_t{5}},
       {}});
  std::vector<Value> values{{"x", 3}};
  int number = 0;
  const auto constant = [&](onnx::Shape shape) {
    const auto name = "c" + std::to_string(number++);
    std::vector<float> numbers(onnx::count_of(shape).value());
    for (std::size_t i = 0; i < numbers.size(); ++i)
      numbers[i] = 0.25F + 0.125F * static_cast<float>((i * 5 + bytes.size() + at) % 7);
    model.constants[name] = onnx::Tensor::of(name, std::move(shape), numbers);
    return name;
  };
  const auto integers = [&](std::vector<std::int64_t> numbers) {
    const auto name = "i" + std::to_string(number++);
    model.constants[name] = onnx::Tensor::of(name, {static_cast<std::int64_t>(numbers.size())}, numbers);
    return name;
  };
  const auto node = [&](const std::string& op, std::vector<std::string> inputs,
                        std::map<std::string, onnx::AttributeValue> attributes = {}) {
    const auto name = "v" + std::to_string(number++);
    model.nodes.push_back({op, name, "", std::move(inputs), {name}, std::move(attributes), {}});
    return name;
  };
  while (at < bytes.size() && model.nodes.size() < 40) {
    const Value a = values[next(values.size())];
    switch (next(exact ? 11 : 12)) {
      case 0:
        values.push_back({node("Identity", {a.name}), a.channels});
        break;
      case 1:
        values.push_back({node("Sigmoid", {a.name}), a.channels});
        break;
      case 2:
        values.push_back({node("Dropout", {a.name}), a.channels});
        break;
      case 3:
        values.push_back({node("Transpose", {a.name}, {{"perm", std::vector<std::int64_t>{0, 1, 2, 3}}}), a.channels});
        break;
      case 4:
        values.push_back({node("Pad", {a.name, integers(std::vector<std::int64_t>(8, 0))}), a.channels});
        break;
      case 5:
        values.push_back({node("Concat", {a.name}, {{"axis", std::int64_t{1}}}), a.channels});
        break;
      case 6: {  // a chain of constants
        const auto sum =
            node("Mul", {node("Add", {constant({1, a.channels, 1, 1}), constant({1})}), constant({1, 1, 4, 1})});
        values.push_back({node("Add", {a.name, sum}), a.channels});
        break;
      }
      case 7: {  // its own shape
        values.push_back({node("Reshape", {a.name, node("Shape", {a.name})}), a.channels});
        break;
      }
      case 8: {
        const Value b = values[next(values.size())];
        if (a.channels == b.channels) values.push_back({node("Mul", {a.name, b.name}), a.channels});
        else if (a.channels + b.channels < 40)
          values.push_back({node("Concat", {a.name, b.name}, {{"axis", std::int64_t{1}}}), a.channels + b.channels});
        break;
      }
      case 9: {  // a constant of a node
        const auto name = node("Constant", {}, {{"value_float", 0.5F}});
        values.push_back({node("Mul", {a.name, name}), a.channels});
        break;
      }
      case 10: {
        auto info = onnx::ValueInfo{a.name, onnx::ElementType::kFloat, {}, {}};
        const bool there =
            std::any_of(model.outputs.begin(), model.outputs.end(), [&](const auto& o) { return o.name == a.name; });
        if (!there && a.name != "x") model.outputs.push_back(info);
        break;
      }
      default: {
        const std::int64_t outs = 1 + static_cast<std::int64_t>(next(4));
        const auto conv = node("Conv", {a.name, constant({outs, a.channels, 1, 1})});
        const onnx::Shape each{outs};
        values.push_back(
            {node("BatchNormalization", {conv, constant(each), constant(each), constant(each), constant(each)}), outs});
      }
    }
  }
  model.nodes.push_back({"Identity", "end", "", {values.back().name}, {"end"}, {}, {}});
  model.outputs.push_back({"end", onnx::ElementType::kFloat, {}, {}});
  return model;
}

}  // namespace goshawk::optimize::testing
