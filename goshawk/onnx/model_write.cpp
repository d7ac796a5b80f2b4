// From a Model to protobuf's bytes.
#include <onnx.pb.h>

#include <type_traits>

#include "goshawk/core/error.h"
#include "goshawk/onnx/model.h"

namespace goshawk::onnx {
namespace {

namespace pb = ::onnx;

void write_tensor(const Tensor& tensor, pb::TensorProto& proto) {
  if (size_of(tensor.type) == 0) {
    proto.ParseFromString(tensor.bytes);
    proto.set_name(tensor.name);
    return;
  }
  proto.set_name(tensor.name);
  proto.set_data_type(static_cast<int>(tensor.type));
  for (const auto d : tensor.shape) proto.add_dims(d);
  proto.set_raw_data(tensor.bytes);
}

void write_attribute(const std::string& name, const AttributeValue& value, pb::AttributeProto& proto) {
  std::visit(
      [&](const auto& v) {
        using Type = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<Type, Opaque>) {
          proto.ParseFromString(v.bytes);
        } else if constexpr (std::is_same_v<Type, std::int64_t>) {
          proto.set_type(pb::AttributeProto::INT);
          proto.set_i(v);
        } else if constexpr (std::is_same_v<Type, float>) {
          proto.set_type(pb::AttributeProto::FLOAT);
          proto.set_f(v);
        } else if constexpr (std::is_same_v<Type, std::string>) {
          proto.set_type(pb::AttributeProto::STRING);
          proto.set_s(v);
        } else if constexpr (std::is_same_v<Type, std::vector<std::int64_t>>) {
          proto.set_type(pb::AttributeProto::INTS);
          proto.mutable_ints()->Assign(v.begin(), v.end());
        } else if constexpr (std::is_same_v<Type, std::vector<float>>) {
          proto.set_type(pb::AttributeProto::FLOATS);
          proto.mutable_floats()->Assign(v.begin(), v.end());
        } else if constexpr (std::is_same_v<Type, std::vector<std::string>>) {
          proto.set_type(pb::AttributeProto::STRINGS);
          for (const auto& text : v) proto.add_strings(text);
        } else {
          proto.set_type(pb::AttributeProto::TENSOR);
          write_tensor(v, *proto.mutable_t());
        }
      },
      value);
  proto.set_name(name);
}

void write_info(const ValueInfo& info, pb::ValueInfoProto& proto) {
  proto.set_name(info.name);
  if (!info.other_type.empty()) {
    proto.mutable_type()->ParseFromString(info.other_type);
    return;
  }
  if (info.type == ElementType::kUndefined) return;
  auto& tensor = *proto.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(static_cast<int>(info.type));
  if (!info.shape) return;
  auto& shape = *tensor.mutable_shape();
  for (const auto& d : *info.shape) {
    auto& dim = *shape.add_dim();
    if (const auto* size = std::get_if<std::int64_t>(&d)) dim.set_dim_value(*size);
    else if (const auto& name = std::get<std::string>(d); !name.empty()) dim.set_dim_param(name);
  }
}

void write_node(const Node& node, pb::NodeProto& proto) {
  proto.set_op_type(node.op);
  proto.set_name(node.name);
  proto.set_domain(node.domain);
  for (const auto& input : node.inputs) proto.add_input(input);
  for (const auto& output : node.outputs) proto.add_output(output);
  for (const auto& [name, value] : node.attributes) write_attribute(name, value, *proto.add_attribute());
}

}  // namespace

std::string serialize(const Model& model) {
  pb::ModelProto proto;
  if (!proto.ParseFromString(model.rest)) throw Error(ErrorCode::kInternal, "the model's own texts cannot be read");
  proto.set_ir_version(model.ir_version);
  auto& set = *proto.add_opset_import();
  set.set_domain("");
  set.set_version(model.opset);
  for (const auto& [domain, version] : model.other_opsets) {
    auto& other = *proto.add_opset_import();
    other.set_domain(domain);
    other.set_version(version);
  }
  for (const auto& [key, value] : model.metadata) {
    auto& entry = *proto.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  auto& graph = *proto.mutable_graph();
  if (graph.name().empty()) graph.set_name("main");
  for (const auto& [name, tensor] : model.constants) {
    auto& written = *graph.add_initializer();
    write_tensor(tensor, written);
    written.set_name(name);
    if (model.ir_version < 4) {  // constants had to be inputs, too
      write_info({name, tensor.type, std::vector<ValueDimension>(tensor.shape.begin(), tensor.shape.end()), {}},
                 *graph.add_input());
    }
  }
  for (const auto& info : model.inputs) write_info(info, *graph.add_input());
  for (const auto& info : model.outputs) write_info(info, *graph.add_output());
  for (const auto& [name, info] : model.values) write_info(info, *graph.add_value_info());
  for (const auto& node : model.nodes) write_node(node, *graph.add_node());
  std::string bytes;
  if (proto.ByteSizeLong() > 0x7FFFFFFFULL || !proto.SerializeToString(&bytes)) {
    throw Error(ErrorCode::kBadData, "the model is too large for one ONNX file (2 GiB)");
  }
  return bytes;
}

}  // namespace goshawk::onnx
