#include "goshawk/onnx/free_names.h"

namespace goshawk::onnx {

FreeNames::FreeNames(const Model& model) {
  for (const auto& info : model.inputs) taken_.insert(info.name);
  for (const auto& [name, constant] : model.constants) taken_.insert(name);
  for (const auto& node : model.nodes) {
    taken_.insert(node.name);
    taken_.insert(node.outputs.begin(), node.outputs.end());
    taken_.insert(node.captured.begin(), node.captured.end());
  }
}

std::string FreeNames::take(const std::string& wish) {
  std::string name = wish;
  for (int& number = last_.try_emplace(wish, 1).first->second; !taken_.insert(name).second;)
    name = wish + "_" + std::to_string(++number);
  return name;
}

}  // namespace goshawk::onnx
