#include "goshawk/onnx/graph_builder.h"

#include <onnx.pb.h>

#include <bit>
#include <map>
#include <numeric>
#include <type_traits>

#include "goshawk/core/error.h"

namespace goshawk::onnx {
namespace {

namespace pb = ::onnx;

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

constexpr int kIrVersion = 8;
constexpr int kOpset = 17;

template <typename Value>
void set_raw(pb::TensorProto& tensor, const std::string& name, std::span<const std::int64_t> shape,
             std::span<const Value> values) {
  const auto size = std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  require(static_cast<std::size_t>(size) == values.size(), "GraphBuilder: values do not fit the shape");
  tensor.set_name(name);
  tensor.set_data_type(std::is_same_v<Value, float> ? pb::TensorProto::FLOAT : pb::TensorProto::INT64);
  for (const auto d : shape) tensor.add_dims(d);
  tensor.set_raw_data(values.data(), values.size_bytes());
}

void set_value(pb::ValueInfoProto& info, const std::string& name, const std::vector<Dimension>& shape) {
  info.set_name(name);
  auto& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(pb::TensorProto::FLOAT);
  auto& dims = *type.mutable_shape();
  for (const auto& d : shape) {
    if (const auto* size = std::get_if<std::int64_t>(&d)) dims.add_dim()->set_dim_value(*size);
    else dims.add_dim()->set_dim_param(std::get<std::string>(d));
  }
}

void set_attribute(pb::AttributeProto& proto, const std::string& name, const Attribute& value) {
  proto.set_name(name);
  std::visit(
      [&](const auto& v) {
        using Type = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<Type, std::int64_t>) {
          proto.set_type(pb::AttributeProto::INT);
          proto.set_i(v);
        } else if constexpr (std::is_same_v<Type, float>) {
          proto.set_type(pb::AttributeProto::FLOAT);
          proto.set_f(v);
        } else if constexpr (std::is_same_v<Type, std::vector<std::int64_t>>) {
          proto.set_type(pb::AttributeProto::INTS);
          for (const auto i : v) proto.add_ints(i);
        } else if constexpr (std::is_same_v<Type, std::vector<float>>) {
          proto.set_type(pb::AttributeProto::FLOATS);
          for (const auto f : v) proto.add_floats(f);
        } else {
          proto.set_type(pb::AttributeProto::STRING);
          proto.set_s(v);
        }
      },
      value);
}

}  // namespace

struct GraphBuilder::Impl {
  pb::ModelProto model;
  std::map<std::string, int, std::less<>> made;  // nodes by type, for names

  std::string unique(std::string_view type) {
    const auto found = made.try_emplace(std::string(type), 0).first;
    return std::string(type) + "_" + std::to_string(found->second++);
  }
};

GraphBuilder::GraphBuilder(const std::string& graph_name) : impl_(std::make_unique<Impl>()) {
  impl_->model.set_ir_version(kIrVersion);
  impl_->model.add_opset_import()->set_version(kOpset);
  impl_->model.mutable_graph()->set_name(graph_name);
}

GraphBuilder::~GraphBuilder() = default;

std::string GraphBuilder::input(const std::string& name, const std::vector<Dimension>& shape) {
  set_value(*impl_->model.mutable_graph()->add_input(), name, shape);
  return name;
}

void GraphBuilder::output(const std::string& name, const std::vector<Dimension>& shape) {
  set_value(*impl_->model.mutable_graph()->add_output(), name, shape);
}

std::string GraphBuilder::constant(const std::string& name, std::span<const std::int64_t> shape,
                                   std::span<const float> values) {
  set_raw(*impl_->model.mutable_graph()->add_initializer(), name, shape, values);
  return name;
}

std::string GraphBuilder::constant(const std::string& name, std::span<const std::int64_t> values) {
  const std::int64_t size = static_cast<std::int64_t>(values.size());
  set_raw(*impl_->model.mutable_graph()->add_initializer(), name, std::span(&size, 1), values);
  return name;
}

std::string GraphBuilder::node(std::string_view type, const std::vector<std::string>& inputs, const Attributes& attributes,
                               const std::string& name) {
  auto& node = *impl_->model.mutable_graph()->add_node();
  const std::string output = name.empty() ? impl_->unique(type) : name;
  node.set_op_type(std::string(type));
  node.set_name(output);
  for (const auto& input : inputs) node.add_input(input);
  node.add_output(output);
  for (const auto& [key, value] : attributes) set_attribute(*node.add_attribute(), key, value);
  return output;
}

std::vector<std::string> GraphBuilder::node_of_many(std::string_view type, const std::vector<std::string>& inputs,
                                                    std::size_t outputs, const Attributes& attributes) {
  auto& node = *impl_->model.mutable_graph()->add_node();
  const std::string name = impl_->unique(type);
  node.set_op_type(std::string(type));
  node.set_name(name);
  for (const auto& input : inputs) node.add_input(input);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < outputs; ++i) names.push_back(name + "_" + std::to_string(i));
  for (const auto& output : names) node.add_output(output);
  for (const auto& [key, value] : attributes) set_attribute(*node.add_attribute(), key, value);
  return names;
}

void GraphBuilder::metadata(const std::string& key, const std::string& value) {
  auto& entry = *impl_->model.add_metadata_props();
  entry.set_key(key);
  entry.set_value(value);
}

std::string GraphBuilder::serialize(const std::string& producer, const std::string& producer_version) const {
  impl_->model.set_producer_name(producer);
  impl_->model.set_producer_version(producer_version);
  std::string bytes;
  if (!impl_->model.SerializeToString(&bytes)) {
    throw Error(ErrorCode::kBadData, "the model is too large for one ONNX file (2 GiB)");
  }
  return bytes;
}

}  // namespace goshawk::onnx
