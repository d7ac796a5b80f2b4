#include "goshawk/onnx/model.h"

#include <bit>
#include <cstring>
#include <type_traits>

#include "goshawk/core/error.h"

namespace goshawk::onnx {
namespace {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

template <typename Value>
std::vector<Value> values_of(const Tensor& tensor) {
  std::vector<Value> values(tensor.bytes.size() / sizeof(Value));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), values.size() * sizeof(Value));
  return values;
}

template <typename Value>
Tensor tensor_of(std::string name, ElementType type, Shape shape, const std::vector<Value>& values) {
  require(count_of(shape) == values.size(), "Tensor: values do not fit the shape");
  std::string bytes(values.size() * sizeof(Value), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return {std::move(name), type, std::move(shape), std::move(bytes)};
}

template <typename Value>
const Value* find(const Node& node, const std::string& attribute) {
  const auto found = node.attributes.find(attribute);
  return found == node.attributes.end() ? nullptr : std::get_if<Value>(&found->second);
}

}  // namespace

std::size_t size_of(ElementType type) {
  switch (type) {
    case ElementType::kUint8:
    case ElementType::kInt8:
    case ElementType::kBool:
      return 1;
    case ElementType::kUint16:
    case ElementType::kInt16:
    case ElementType::kFloat16:
    case ElementType::kBfloat16:
      return 2;
    case ElementType::kFloat:
    case ElementType::kInt32:
    case ElementType::kUint32:
      return 4;
    case ElementType::kInt64:
    case ElementType::kUint64:
    case ElementType::kDouble:
      return 8;
    default:
      return 0;
  }
}

std::optional<std::size_t> count_of(const Shape& shape) {
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  std::int64_t count = 1;
  bool empty = false;
  for (const auto d : shape) {
    if (d < 0) return std::nullopt;
    if (d == 0) empty = true;
    else if (count > kMost / d) return std::nullopt;
    else count *= d;
  }
  return empty ? 0 : static_cast<std::size_t>(count);
}

std::vector<float> Tensor::floats() const {
  require(type == ElementType::kFloat, "Tensor::floats: not float");
  return values_of<float>(*this);
}

std::vector<std::int64_t> Tensor::integers() const {
  if (type == ElementType::kInt32) {
    const auto narrow = values_of<std::int32_t>(*this);
    return {narrow.begin(), narrow.end()};
  }
  require(type == ElementType::kInt64, "Tensor::integers: neither int64 nor int32");
  return values_of<std::int64_t>(*this);
}

Tensor Tensor::of(std::string name, Shape shape, const std::vector<float>& values) {
  return tensor_of(std::move(name), ElementType::kFloat, std::move(shape), values);
}
Tensor Tensor::of(std::string name, Shape shape, const std::vector<std::int64_t>& values) {
  return tensor_of(std::move(name), ElementType::kInt64, std::move(shape), values);
}
Tensor Tensor::of(std::string name, Shape shape, const std::vector<std::int32_t>& values) {
  return tensor_of(std::move(name), ElementType::kInt32, std::move(shape), values);
}
Tensor Tensor::of(std::string name, Shape shape, const std::vector<std::int8_t>& values) {
  return tensor_of(std::move(name), ElementType::kInt8, std::move(shape), values);
}
Tensor Tensor::of(std::string name, Shape shape, const std::vector<std::uint8_t>& values) {
  return tensor_of(std::move(name), ElementType::kUint8, std::move(shape), values);
}

std::int64_t Node::integer(const std::string& attribute, std::int64_t otherwise) const {
  const auto* value = find<std::int64_t>(*this, attribute);
  return value ? *value : otherwise;
}

float Node::number(const std::string& attribute, float otherwise) const {
  const auto* value = find<float>(*this, attribute);
  return value ? *value : otherwise;
}

std::string Node::text(const std::string& attribute, const std::string& otherwise) const {
  const auto* value = find<std::string>(*this, attribute);
  return value ? *value : otherwise;
}

std::vector<std::int64_t> Node::integers(const std::string& attribute) const {
  const auto* value = find<std::vector<std::int64_t>>(*this, attribute);
  return value ? *value : std::vector<std::int64_t>();
}

const Tensor* Model::constant(const std::string& name) const {
  const auto found = constants.find(name);
  return found == constants.end() ? nullptr : &found->second;
}

}  // namespace goshawk::onnx
