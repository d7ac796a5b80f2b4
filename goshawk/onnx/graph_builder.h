// Writes an ONNX model node by node.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace goshawk::onnx {

/// An attribute's value: integer, float, list of integers, list of floats, or text.
using Attribute = std::variant<std::int64_t, float, std::vector<std::int64_t>, std::vector<float>, std::string>;
using Attributes = std::vector<std::pair<std::string, Attribute>>;

/// A dimension of an input or output: a size, or the name of one that varies.
using Dimension = std::variant<std::int64_t, std::string>;

/// Builds one graph of float tensors, operator set 17, IR version 8. Values have names; those that `node` makes are unique.
/// Not thread-safe. Source: ONNX IR specification and operator schemas.
class GraphBuilder {
 public:
  explicit GraphBuilder(const std::string& graph_name);
  ~GraphBuilder();
  GraphBuilder(const GraphBuilder&) = delete;
  GraphBuilder& operator=(const GraphBuilder&) = delete;

  /// A float input; returns its name.
  std::string input(const std::string& name, const std::vector<Dimension>& shape);
  void output(const std::string& name, const std::vector<Dimension>& shape);
  /// Constant tensors; the number of values must fit the shape. Return the name.
  std::string constant(const std::string& name, std::span<const std::int64_t> shape, std::span<const float> values);
  std::string constant(const std::string& name, std::span<const std::int64_t> values);
  /// Adds `type`(inputs) and returns the name of its one output, `name` or made from the type and a number. An empty input
  /// is one that was left out.
  std::string node(std::string_view type, const std::vector<std::string>& inputs, const Attributes& attributes = {},
                   const std::string& name = {});
  /// The same for an operator with several outputs.
  std::vector<std::string> node_of_many(std::string_view type, const std::vector<std::string>& inputs, std::size_t outputs,
                                        const Attributes& attributes = {});
  /// A text of the model's metadata.
  void metadata(const std::string& key, const std::string& value);

  /// The model's bytes. Throws Error{kBadData} above protobuf's limit of 2 GiB.
  std::string serialize(const std::string& producer, const std::string& producer_version) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace goshawk::onnx
