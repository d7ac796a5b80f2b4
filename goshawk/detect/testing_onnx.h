// Small ONNX models for the tests of this folder, written field by field (onnx.proto of ONNX 1.23).
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace goshawk::detect {

/// A protobuf message under construction.
class Message {
 public:
  Message& number(std::uint32_t field, std::uint64_t value) {
    varint(field << 3U);
    varint(value);
    return *this;
  }
  Message& text(std::uint32_t field, const std::string& value) {
    varint(field << 3U | 2U);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& message(std::uint32_t field, const Message& value) { return text(field, value.bytes_); }
  const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7FU) | 0x80U);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

using Dimensions = std::vector<std::int64_t>;  // -1: varies

inline Message value_info(const std::string& name, const Dimensions& shape) {
  Message dimensions;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    Message dimension;
    if (shape[i] >= 0) dimension.number(1, static_cast<std::uint64_t>(shape[i]));
    if (shape[i] < 0) dimension.text(2, name + std::to_string(i));
    dimensions.message(1, dimension);
  }
  return Message().text(1, name).message(2, Message().message(1, Message().number(1, 1).message(2, dimensions)));
}

inline Message float_tensor(const std::string& name, const Dimensions& shape, const std::vector<float>& values) {
  Message tensor;
  for (const auto dimension : shape) tensor.number(1, static_cast<std::uint64_t>(dimension));
  std::string raw(values.size() * sizeof(float), '\0');
  std::memcpy(raw.data(), values.data(), raw.size());
  return tensor.number(2, 1).text(8, name).text(9, raw);
}

inline Message int64_tensor(const std::string& name, const std::vector<std::int64_t>& values) {
  Message tensor;
  std::string raw(values.size() * sizeof(std::int64_t), '\0');
  std::memcpy(raw.data(), values.data(), raw.size());
  return tensor.number(1, values.size()).number(2, 7).text(8, name).text(9, raw);
}

inline Message node(const std::string& type, const std::vector<std::string>& inputs, const std::string& output,
                    const std::map<std::string, std::vector<std::int64_t>>& attributes = {}) {
  Message message;
  for (const auto& input : inputs) message.text(1, input);
  message.text(2, output).text(4, type);
  for (const auto& [name, values] : attributes) {
    Message attribute;
    attribute.text(1, name);
    for (const auto value : values) attribute.number(8, static_cast<std::uint64_t>(value));
    message.message(5, attribute.number(20, 7));
  }
  return message;
}

inline std::string onnx_model(const Message& graph, const std::map<std::string, std::string>& metadata) {
  Message model;
  model.number(1, 8).text(2, "goshawk tests").message(8, Message().number(2, 13)).message(7, graph);
  for (const auto& [key, value] : metadata) model.message(14, Message().text(1, key).text(2, value));
  return model.bytes();
}

/// A "detector" whose output is [N, 5, (H / 8) * (W / 8)]: one class whose score is a cell's mean brightness (of an input in
/// 0..1), in a box of 16 x 24 pixels at the cell whose green channel shifts it. Good for testing everything around a
/// network. `metadata` makes it an Ultralytics export, or says its recipe.
inline std::string brightness_model(const Dimensions& input, const std::map<std::string, std::string>& metadata) {
  const bool fixed = input[2] > 0;
  const std::int64_t cells = fixed ? (input[2] / 8) * (input[3] / 8) : -1;
  // Rows of the 1 x 1 convolution: cx, cy, w, h, score, from the mean red, green, blue of a cell.
  const std::vector<float> weights = {64, 0, 0, 0, 64, 0, 0, 0, 8, 8, 0, 0, 1.0F / 3, 1.0F / 3, 1.0F / 3};
  const std::vector<float> bias = {0, 0, 16, 24, 0};
  Message graph;
  graph.message(1, node("AveragePool", {"images"}, "cells", {{"kernel_shape", {8, 8}}, {"strides", {8, 8}}}));
  graph.message(1, node("Conv", {"cells", "weights", "bias"}, "rows", {{"kernel_shape", {1, 1}}}));
  graph.message(1, node("Reshape", {"rows", "shape"}, "output0"));
  graph.text(2, "brightness");
  graph.message(5, float_tensor("weights", {5, 3, 1, 1}, weights)).message(5, float_tensor("bias", {5}, bias));
  graph.message(5, int64_tensor("shape", {0, 5, -1}));
  graph.message(11, value_info("images", input)).message(12, value_info("output0", {input[0], 5, cells}));
  return onnx_model(graph, metadata);
}

inline std::map<std::string, std::string> ultralytics_metadata() {
  return {{"task", "detect"}, {"stride", "32"}, {"names", "{0: 'light'}"}, {"imgsz", "[64, 64]"}};
}

/// A folder of its own that is removed at the end of the test.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / ("goshawk_" + name + "_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::filesystem::path write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;  // without the disk flush of core's writer
    return path_ / name;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace goshawk::detect
