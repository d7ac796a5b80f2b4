#include "goshawk/onnx/engine_context.h"

namespace goshawk::onnx {

Model engine_model(const Model& original, const EngineContext& engine) {
  constexpr const char* kDomain = "com.microsoft";
  Model model;
  model.inputs = original.inputs;
  model.outputs = original.outputs;
  model.opset = original.opset;
  model.other_opsets = {{kDomain, 1}};
  model.ir_version = original.ir_version;
  model.metadata = engine.metadata;
  Node node;
  node.op = "EPContext";
  node.name = "engine";
  node.domain = kDomain;
  for (const auto& input : model.inputs) node.inputs.push_back(input.name);
  for (const auto& output : model.outputs) node.outputs.push_back(output.name);
  node.attributes = {{"main_context", std::int64_t{1}},    {"embed_mode", std::int64_t{engine.embedded ? 1 : 0}},
                     {"ep_cache_context", engine.content}, {"source", engine.provider},
                     {"partition_name", node.name},        {"onnx_model_filename", engine.model_file}};
  model.nodes = {node};
  return model;
}

}  // namespace goshawk::onnx
