// Hand-made tensors and model descriptions for the tests of this folder.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "goshawk/detect/recognize.h"
#include "goshawk/runtime/session.h"

namespace goshawk::detect {

inline runtime::Tensor tensor_of(std::vector<std::int64_t> shape, const std::vector<float>& values) {
  std::shared_ptr<float[]> data(new float[values.size()]);
  std::copy(values.begin(), values.end(), data.get());
  return {std::move(shape), std::move(data)};
}

inline runtime::TensorInfo info(std::string name, std::vector<std::int64_t> shape,
                                runtime::ElementType type = runtime::ElementType::kFloat32) {
  return {std::move(name), type, std::move(shape)};
}

/// A model with an image input of [1, 3, height, width].
inline ModelDescription described(std::vector<runtime::TensorInfo> outputs, std::map<std::string, std::string> metadata = {},
                                  std::int64_t height = 640, std::int64_t width = 640) {
  ModelDescription model;
  model.inputs = {info("images", {1, 3, height, width})};
  model.outputs = std::move(outputs);
  model.metadata = std::move(metadata);
  model.name = "model.onnx";
  return model;
}

}  // namespace goshawk::detect
