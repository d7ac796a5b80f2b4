// An ONNX model as plain values, to be read, changed and written again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace goshawk::onnx {

/// Numbers of TensorProto.DataType.
enum class ElementType : int {
  kUndefined = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16,
};

/// Bytes of one element; 0 for those that have no fixed size or are packed (text, 4-bit types).
std::size_t size_of(ElementType type);

using Shape = std::vector<std::int64_t>;

/// Number of values of a shape; nullopt for a negative dimension and beyond 2^40.
std::optional<std::size_t> count_of(const Shape& shape);

/// A constant. `bytes`: its values, row-major, little-endian; as many as the shape says.
struct Tensor {
  std::string name;
  ElementType type = ElementType::kFloat;
  Shape shape;
  std::string bytes;
  bool operator==(const Tensor&) const = default;

  std::size_t count() const { return count_of(shape).value_or(0); }
  /// The values; aborts for another element type.
  std::vector<float> floats() const;
  std::vector<std::int64_t> integers() const;  // of int64 or int32
  static Tensor of(std::string name, Shape shape, const std::vector<float>& values);
  static Tensor of(std::string name, Shape shape, const std::vector<std::int64_t>& values);
  static Tensor of(std::string name, Shape shape, const std::vector<std::int32_t>& values);
  static Tensor of(std::string name, Shape shape, const std::vector<std::int8_t>& values);
  static Tensor of(std::string name, Shape shape, const std::vector<std::uint8_t>& values);
};

/// What is kept as it came, in protobuf's own bytes: subgraphs, sparse tensors, types.
struct Opaque {
  std::string bytes;  // of the whole AttributeProto
  bool operator==(const Opaque&) const = default;
};

using AttributeValue = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>,
                                    std::vector<std::string>, Tensor, Opaque>;

struct Node {
  std::string op;                            // "Conv"
  std::string name;                          // may be empty
  std::string domain;                        // empty: ONNX's own operators
  std::vector<std::string> inputs, outputs;  // names of values; an empty one was left out
  std::map<std::string, AttributeValue> attributes;
  std::set<std::string> captured;  // values of this graph that subgraphs in the attributes refer to

  bool is(std::string_view type) const { return op == type && (domain.empty() || domain == "ai.onnx"); }
  std::int64_t integer(const std::string& attribute, std::int64_t otherwise) const;
  float number(const std::string& attribute, float otherwise) const;
  std::string text(const std::string& attribute, const std::string& otherwise) const;
  /// Empty where there is no such list.
  std::vector<std::int64_t> integers(const std::string& attribute) const;
  /// Name for messages: its own, else that of its first output.
  const std::string& label() const { return name.empty() && !outputs.empty() ? outputs.front() : name; }
};

/// A size, or the name of one that varies (empty: unknown).
using ValueDimension = std::variant<std::int64_t, std::string>;

/// An input, an output, or a value between, as the file describes it.
struct ValueInfo {
  std::string name;
  ElementType type = ElementType::kUndefined;
  std::optional<std::vector<ValueDimension>> shape;
  std::string other_type;  // bytes of a TypeProto that is no tensor; empty for tensors
};

/// One model. Every value's name is unique in it. Copies are deep. Source: ONNX IR specification.
struct Model {
  std::vector<ValueInfo> inputs, outputs;
  std::vector<Node> nodes;                  // in an order in which they can run
  std::map<std::string, Tensor> constants;  // initializers by name
  std::map<std::string, ValueInfo> values;  // what is known of values between
  std::map<std::string, std::string> metadata;
  std::int64_t opset = 0;  // of ONNX's own operators
  std::map<std::string, std::int64_t> other_opsets;
  std::int64_t ir_version = 8;
  std::string rest;  // bytes of a ModelProto with all that is not above (producer, functions, texts)

  const Tensor* constant(const std::string& name) const;
};

struct ReadLimits {
  std::uint64_t bytes = 2ULL << 30;  // of the file and its external weights together
  // Of the graph and all graphs and functions within it:
  std::size_t nodes = 100'000;  // detectors have hundreds, transformers thousands
  std::size_t constants = 200'000;
  std::size_t items = 2'000'000;  // fields of protobuf messages; two bytes of a file can become 300 of memory
};

/// Reads and checks a model (see `check`). External weights are read into it; they must lie in the folder of the file.
/// Throws Error{kNotFound}, and {kBadData} for what is damaged, beyond the limits, or does not pass the check.
Model read_model(const std::filesystem::path& path, const ReadLimits& limits = {});
/// The same for bytes in memory, which may not refer to external weights. `where` names them in messages.
Model parse_model(std::string_view bytes, const std::string& where, const ReadLimits& limits = {});

/// What makes a graph one that can run: every input of a node is there before it (nodes are put in such an order; a cycle is
/// refused), names are unique, constants hold as many bytes as their shapes say, outputs exist, every domain has an opset.
/// Whether operators exist and fit their inputs is ONNX Runtime's to judge. Throws Error{kBadData}.
void check(Model& model, const std::string& where);

/// The model's bytes. Throws Error{kBadData} above protobuf's limit of 2 GiB.
std::string serialize(const Model& model);

}  // namespace goshawk::onnx
