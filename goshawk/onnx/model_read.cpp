// From protobuf's bytes to a Model.
#include <onnx.pb.h>

#include <cstring>
#include <fstream>
#include <limits>
#include <unordered_set>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/onnx/item_count.h"
#include "goshawk/onnx/model.h"
#include "goshawk/onnx/wiring.h"

namespace goshawk::onnx {
namespace {

namespace fs = std::filesystem;
namespace pb = ::onnx;

constexpr int kDeepest = 32;  // graphs within graphs

class Reader {
 public:
  Reader(std::string where, fs::path folder, const ReadLimits& limits)
      : where_(std::move(where)), folder_(std::move(folder)), limits_(limits) {}

  Model read(std::string_view bytes) {
    bytes_ = bytes.size();
    if (bytes.size() > std::numeric_limits<int>::max()) damaged("it is larger than 2 GiB");
    check_item_counts(bytes, where_, limits_);  // before protobuf makes an object of each
    pb::ModelProto proto;
    if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
      damaged("it is not an ONNX file, or is cut off");
    if (!proto.has_graph()) damaged("there is no graph in it");
    Model model;
    read_texts(proto, model);
    read_graph(*proto.mutable_graph(), model);
    clear_what_was_read(proto);
    proto.SerializeToString(&model.rest);
    check(model, where_);
    return model;
  }

 private:
  [[noreturn]] void damaged(const std::string& what, const std::string& hint = {}) const {
    throw Error(ErrorCode::kBadData, "the model cannot be used: " + what, where_, hint);
  }

  void read_texts(const pb::ModelProto& proto, Model& model) const {
    model.ir_version = proto.ir_version();
    for (const auto& set : proto.opset_import()) {
      if (set.domain().empty() || set.domain() == "ai.onnx") model.opset = set.version();
      else model.other_opsets[set.domain()] = set.version();
    }
    for (const auto& entry : proto.metadata_props()) model.metadata[entry.key()] = entry.value();
  }

  static void clear_what_was_read(pb::ModelProto& proto) {
    proto.clear_ir_version();
    proto.clear_opset_import();
    proto.clear_metadata_props();
    auto& graph = *proto.mutable_graph();
    graph.clear_node();
    graph.clear_initializer();
    graph.clear_input();
    graph.clear_output();
    graph.clear_value_info();
    graph.clear_quantization_annotation();
  }

  void read_graph(pb::GraphProto& graph, Model& model) {
    if (graph.sparse_initializer_size() > 0) damaged("it has sparse constants, which goshawk does not edit");
    for (auto& tensor : *graph.mutable_initializer()) {
      Tensor read = read_tensor(tensor);
      if (read.name.empty()) damaged("a constant has no name");
      const std::string name = read.name;
      if (!model.constants.emplace(name, std::move(read)).second) damaged("two constants are called '" + name + "'");
    }
    for (const auto& info : graph.input()) {
      // Files of IR version 3 list their constants among the inputs, too.
      if (!model.constants.contains(info.name())) model.inputs.push_back(read_info(info));
    }
    for (const auto& info : graph.output()) model.outputs.push_back(read_info(info));
    for (const auto& info : graph.value_info()) model.values[info.name()] = read_info(info);
    for (auto& node : *graph.mutable_node()) model.nodes.push_back(read_node(node));
  }

  static ValueInfo read_info(const pb::ValueInfoProto& proto) {
    ValueInfo info;
    info.name = proto.name();
    if (!proto.type().has_tensor_type()) {
      proto.type().SerializeToString(&info.other_type);
      return info;
    }
    const auto& tensor = proto.type().tensor_type();
    info.type = static_cast<ElementType>(tensor.elem_type());
    if (tensor.has_shape()) {
      info.shape.emplace();
      for (const auto& d : tensor.shape().dim()) {
        if (d.has_dim_value()) info.shape->emplace_back(d.dim_value());
        else info.shape->emplace_back(d.dim_param());
      }
    }
    return info;
  }

  Node read_node(pb::NodeProto& proto) {
    Node node;
    node.op = proto.op_type();
    node.name = proto.name();
    node.domain = proto.domain() == "ai.onnx" ? std::string() : proto.domain();
    if (node.op.empty()) damaged("node '" + node.name + "' has no operator");
    if (!proto.overload().empty())
      damaged("node '" + node.name + "' calls an overloaded function, which goshawk does not edit");
    node.inputs.assign(proto.input().begin(), proto.input().end());
    node.outputs.assign(proto.output().begin(), proto.output().end());
    for (auto& attribute : *proto.mutable_attribute()) {
      node.attributes[attribute.name()] = read_attribute(attribute, node);
    }
    return node;
  }

  AttributeValue read_attribute(pb::AttributeProto& proto, Node& node) {
    switch (proto.type()) {
      case pb::AttributeProto::INT:
        return proto.i();
      case pb::AttributeProto::FLOAT:
        return proto.f();
      case pb::AttributeProto::STRING:
        return proto.s();
      case pb::AttributeProto::INTS:
        return std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end());
      case pb::AttributeProto::FLOATS:
        return std::vector<float>(proto.floats().begin(), proto.floats().end());
      case pb::AttributeProto::STRINGS:
        return std::vector<std::string>(proto.strings().begin(), proto.strings().end());
      case pb::AttributeProto::TENSOR:
        return read_tensor(*proto.mutable_t());
      case pb::AttributeProto::GRAPH:
      case pb::AttributeProto::GRAPHS:
        if (proto.has_g()) capture(proto.g(), 1, node.captured);
        for (const auto& graph : proto.graphs()) capture(graph, 1, node.captured);
        break;
      default:
        break;
    }
    Opaque opaque;
    proto.SerializeToString(&opaque.bytes);
    return opaque;
  }

  /// Names that a subgraph takes from the graphs around it.
  void capture(const pb::GraphProto& graph, int depth, std::set<std::string>& captured) {
    if (depth > kDeepest) damaged("graphs are nested too deeply");
    std::unordered_set<std::string> own;
    for (const auto& tensor : graph.initializer()) {
      refuse_external(tensor);
      own.insert(tensor.name());
    }
    for (const auto& info : graph.input()) own.insert(info.name());
    for (const auto& node : graph.node()) own.insert(node.output().begin(), node.output().end());
    const auto take = [&](const std::string& name) {
      if (!name.empty() && !own.contains(name)) captured.insert(name);
    };
    for (const auto& node : graph.node()) {
      for (const auto& input : node.input()) take(input);
      for (const auto& attribute : node.attribute()) {
        refuse_external(attribute.t());
        std::set<std::string> inner;
        if (attribute.has_g()) capture(attribute.g(), depth + 1, inner);
        for (const auto& g : attribute.graphs()) capture(g, depth + 1, inner);
        for (const auto& name : inner) take(name);
      }
    }
    for (const auto& output : graph.output()) take(output.name());
  }

  void refuse_external(const pb::TensorProto& tensor) const {
    if (tensor.data_location() == pb::TensorProto::EXTERNAL) {
      damaged("a subgraph keeps weights in another file, which goshawk does not edit");
    }
  }

  Tensor read_tensor(pb::TensorProto& proto) {
    Tensor tensor;
    tensor.name = proto.name();
    tensor.type = static_cast<ElementType>(proto.data_type());
    tensor.shape.assign(proto.dims().begin(), proto.dims().end());
    const auto count = count_of(tensor.shape);
    if (!count) damaged("the shape of constant '" + tensor.name + "' makes no sense");
    const std::size_t width = size_of(tensor.type);
    if (proto.data_location() == pb::TensorProto::EXTERNAL) {
      if (width == 0) damaged("constant '" + tensor.name + "' keeps values of an unknown type in another file");
      tensor.bytes = read_external(proto, *count * width);
      return tensor;
    }
    if (width == 0) {  // text and packed types stay as they are
      proto.SerializeToString(&tensor.bytes);
      return tensor;
    }
    tensor.bytes = proto.has_raw_data() ? std::move(*proto.mutable_raw_data()) : typed_values(proto, tensor.type);
    if (tensor.bytes.size() != *count * width) {
      damaged("constant '" + tensor.name + "' holds " + std::to_string(tensor.bytes.size()) +
              " bytes where its shape needs " + std::to_string(*count * width));
    }
    return tensor;
  }

  template <typename Value, typename List>
  static std::string packed(const List& list) {
    std::string bytes(static_cast<std::size_t>(list.size()) * sizeof(Value), '\0');
    char* to = bytes.data();
    for (const auto item : list) {
      const Value value = static_cast<Value>(item);
      std::memcpy(to, &value, sizeof value);
      to += sizeof value;
    }
    return bytes;
  }

  static std::string typed_values(const pb::TensorProto& proto, ElementType type) {
    switch (type) {
      case ElementType::kFloat:
        return packed<float>(proto.float_data());
      case ElementType::kDouble:
        return packed<double>(proto.double_data());
      case ElementType::kInt64:
        return packed<std::int64_t>(proto.int64_data());
      case ElementType::kUint64:
        return packed<std::uint64_t>(proto.uint64_data());
      case ElementType::kUint32:
        return packed<std::uint32_t>(proto.uint64_data());
      case ElementType::kInt32:
        return packed<std::int32_t>(proto.int32_data());
      default:
        break;
    }
    return size_of(type) == 2 ? packed<std::uint16_t>(proto.int32_data()) : packed<std::uint8_t>(proto.int32_data());
  }

  std::string read_external(const pb::TensorProto& proto, std::size_t needed) {
    std::string location;
    std::uint64_t offset = 0;
    for (const auto& entry : proto.external_data()) {
      if (entry.key() == "location") location = entry.value();
      if (entry.key() == "offset") {
        if (entry.value().empty() || entry.value().size() > 18 ||
            entry.value().find_first_not_of("0123456789") != std::string::npos) {
          damaged("the place of constant '" + proto.name() + "' in its file makes no sense");
        }
        offset = std::stoull(entry.value());
      }
    }
    bytes_ += needed;
    if (bytes_ > limits_.bytes) damaged("it needs more than " + std::to_string(limits_.bytes >> 20) + " MiB");
    std::error_code failed;
    const fs::path folder = fs::canonical(folder_.empty() ? fs::path(".") : folder_, failed);
    const fs::path relative(location);
    const fs::path file = failed ? fs::path() : fs::weakly_canonical(folder / relative, failed);
    const auto inside = file.lexically_relative(folder);
    if (folder_given_none() || location.empty() || relative.is_absolute() || failed || inside.empty() ||
        *inside.begin() == "..") {
      damaged("weights lie outside of its folder: '" + location + "'", "Weights in other files must be beside the model.");
    }
    const auto missing = [&] { damaged("weights are missing or cut off in '" + location + "'"); };
    if (!fs::is_regular_file(file, failed)) missing();  // a pipe would never answer
    const auto there = fs::file_size(file, failed);
    if (failed || offset > there || needed > there - offset) missing();
    std::ifstream stream(file, std::ios::binary);
    std::string bytes(needed, '\0');
    if (!stream.seekg(static_cast<std::streamoff>(offset)) ||
        !stream.read(bytes.data(), static_cast<std::streamsize>(needed))) {
      missing();
    }
    return bytes;
  }
  bool folder_given_none() const { return folder_ == kNoFolder; }

 public:
  static inline const fs::path kNoFolder{"\n"};  // bytes in memory have none

 private:
  std::string where_;
  fs::path folder_;
  const ReadLimits& limits_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Model read_model(const fs::path& path, const ReadLimits& limits) {
  const fs::path folder = behind_links(path).parent_path();  // weights are beside what a link leads to
  return Reader(path.string(), folder, limits).read(read_file(path, limits.bytes));
}

Model parse_model(std::string_view bytes, const std::string& where, const ReadLimits& limits) {
  return Reader(where, Reader::kNoFolder, limits).read(bytes);
}

void check(Model& model, const std::string& where) {
  const auto damaged = [&](const std::string& what) {
    throw Error(ErrorCode::kBadData, "the model cannot be used: " + what, where);
  };
  if (model.opset < 1) damaged("it does not say which operator set it uses");
  std::unordered_set<std::string> made;
  for (const auto& [name, tensor] : model.constants) {
    if (size_of(tensor.type) != 0 && tensor.bytes.size() != tensor.count() * size_of(tensor.type)) {
      damaged("constant '" + name + "' does not fit its shape");
    }
    made.insert(name);
  }
  for (const auto& info : model.inputs) {
    if (info.name.empty() || !made.insert(info.name).second) damaged("two values are called '" + info.name + "'");
  }
  for (const auto& node : model.nodes) {
    if (!node.domain.empty() && !model.other_opsets.contains(node.domain)) {
      damaged("node '" + node.label() + "' is of the domain '" + node.domain + "', which it does not declare");
    }
    for (const auto& output : node.outputs) {
      if (!output.empty() && !made.insert(output).second) damaged("two values are called '" + output + "'");
    }
  }
  const auto need = [&](const std::string& name, const Node& node) {
    if (!name.empty() && !made.contains(name)) {
      damaged("node '" + node.label() + "' takes '" + name + "', which nothing makes");
    }
  };
  for (const auto& node : model.nodes) {
    for (const auto& input : node.inputs) need(input, node);
    for (const auto& name : node.captured) need(name, node);
  }
  if (model.outputs.empty()) damaged("it has no outputs");
  std::unordered_set<std::string> outputs;
  for (const auto& info : model.outputs) {
    if (!made.contains(info.name)) damaged("nothing makes its output '" + info.name + "'");
    if (!outputs.insert(info.name).second) damaged("two outputs are called '" + info.name + "'");
  }
  if (!sort_nodes(model)) damaged("its graph has a cycle");
}

}  // namespace goshawk::onnx
