// A compiled engine in the form of an ONNX model.
#pragma once

#include <map>
#include <string>

#include "goshawk/onnx/model.h"

namespace goshawk::onnx {

/// What the one node of such a model holds. Source: ONNX Runtime's page "OnnxRuntime EP Context Cache Feature Design".
struct EngineContext {
  std::string provider;                         // execution provider that runs it: "TensorrtExecutionProvider"
  std::string content;                          // the engine's bytes, or the name of its file beside the ONNX file
  bool embedded = false;                        // `content` is the bytes
  std::string model_file = {};                  // name of the ONNX file that it was compiled from
  std::map<std::string, std::string> metadata;  // of the model
};

/// A model with the inputs and outputs of `original`, and one node EPContext (domain com.microsoft) between them.
Model engine_model(const Model& original, const EngineContext& engine);

}  // namespace goshawk::onnx
