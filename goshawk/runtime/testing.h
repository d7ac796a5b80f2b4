// For tests: writes small ONNX models, byte by byte (field numbers: onnx.proto).
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "goshawk/core/testing.h"

namespace goshawk::runtime::testing {

using goshawk::TemporaryFolder;

/// Numbers of TensorProto.DataType.
enum : int { kFloat = 1, kUint8 = 2, kInt64 = 7, kString = 8, kFloat16 = 10 };

/// A protobuf message under construction.
class Message {
 public:
  Message& number(int field, std::uint64_t value) {
    varint(static_cast<std::uint64_t>(field) << 3);
    varint(value);
    return *this;
  }
  Message& text(int field, const std::string& value) {
    varint((static_cast<std::uint64_t>(field) << 3) | 2U);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& message(int field, const Message& value) { return text(field, value.bytes_); }
  const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

/// Dimensions of -1 vary; the first is called "N" in all tensors, the others differ.
inline Message value_info(const std::string& name, int type, const std::vector<std::int64_t>& shape) {
  Message dims;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    Message dim;
    if (shape[i] < 0) {
      dim.text(2, i == 0 ? "N" : name + std::to_string(i));
    } else {
      dim.number(1, static_cast<std::uint64_t>(shape[i]));
    }
    dims.message(1, dim);
  }
  return Message().text(1, name).message(
      2, Message().message(1, Message().number(1, static_cast<std::uint64_t>(type)).message(2, dims)));
}

inline Message tensor_header(const std::string& name, int type, const std::vector<std::int64_t>& shape) {
  Message tensor;
  for (const auto d : shape) tensor.number(1, static_cast<std::uint64_t>(d));
  return tensor.number(2, static_cast<std::uint64_t>(type)).text(8, name);
}

inline Message float_tensor(const std::string& name, const std::vector<std::int64_t>& shape,
                            const std::vector<float>& values) {
  std::string raw(values.size() * sizeof(float), '\0');
  std::memcpy(raw.data(), values.data(), raw.size());
  return tensor_header(name, kFloat, shape).text(9, raw);
}

inline Message int64_tensor(const std::string& name, const std::vector<std::int64_t>& values) {
  std::string raw(values.size() * sizeof(std::int64_t), '\0');
  std::memcpy(raw.data(), values.data(), raw.size());
  return tensor_header(name, kInt64, {static_cast<std::int64_t>(values.size())}).text(9, raw);
}

inline Message node(const std::string& type, const std::vector<std::string>& inputs, const std::vector<std::string>& outputs,
                    const std::vector<Message>& attributes = {}) {
  Message node;
  for (const auto& input : inputs) node.text(1, input);
  for (const auto& output : outputs) node.text(2, output);
  node.text(4, type);
  for (const auto& attribute : attributes) node.message(5, attribute);
  return node;
}

inline Message integer_attribute(const std::string& name, std::uint64_t value) {
  return Message().text(1, name).number(3, value).number(20, 2);
}

inline Message integers_attribute(const std::string& name, const std::vector<std::uint64_t>& values) {
  Message attribute = Message().text(1, name);
  for (const auto value : values) attribute.number(8, value);
  return attribute.number(20, 7);
}

struct Graph {
  std::vector<Message> nodes, initializers, inputs, outputs;
  std::map<std::string, std::string> metadata;
  std::uint64_t opset = 17;

  std::string model() const {
    Message graph;
    for (const auto& n : nodes) graph.message(1, n);
    graph.text(2, "test");
    for (const auto& i : initializers) graph.message(5, i);
    for (const auto& i : inputs) graph.message(11, i);
    for (const auto& o : outputs) graph.message(12, o);
    Message model;
    model.number(1, 8).message(7, graph).message(8, Message().text(1, "").number(2, opset));
    for (const auto& [key, value] : metadata) model.message(14, Message().text(1, key).text(2, value));
    return model.bytes();
  }
};

/// y = 2 x + 1, computed in float; x of `type` and [N, 4], y float.
inline Graph scale_and_shift(int type = kFloat) {
  Graph graph;
  graph.inputs = {value_info("x", type, {-1, 4})};
  graph.outputs = {value_info("y", kFloat, {-1, 4})};
  graph.initializers = {float_tensor("two", {1}, {2}), float_tensor("one", {1}, {1})};
  graph.nodes = {node("Cast", {"x"}, {"f"}, {integer_attribute("to", kFloat)}), node("Mul", {"f", "two"}, {"d"}),
                 node("Add", {"d", "one"}, {"y"})};
  return graph;
}

/// y = relu(conv3x3(x)) with 8 random filters; x [N, 3, 9, 11] (or `batch`), y [N, 8, 7, 9].
inline Graph convolution(std::int64_t batch = -1) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> weights(8UL * 3 * 3 * 3);
  for (auto& weight : weights) weight = normal(random);
  Graph graph;
  graph.inputs = {value_info("x", kFloat, {batch, 3, 9, 11})};
  graph.outputs = {value_info("y", kFloat, {batch, 8, 7, 9})};
  graph.initializers = {float_tensor("w", {8, 3, 3, 3}, weights)};
  graph.nodes = {node("Conv", {"x", "w"}, {"c"}), node("Relu", {"c"}, {"y"})};
  return graph;
}

}  // namespace goshawk::runtime::testing
