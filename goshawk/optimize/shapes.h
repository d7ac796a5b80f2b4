// What type and shape each value of a model has.
#pragma once

#include <map>
#include <string>

#include "goshawk/onnx/model.h"

namespace goshawk::optimize {

struct ValueType {
  onnx::ElementType type = onnx::ElementType::kUndefined;
  onnx::Shape shape;  // -1: varies, or is not known before the model runs
};

/// Types and shapes of inputs, constants and all values that nodes make, as ONNX Runtime infers them. Values that are no
/// tensors are left out. Throws Error{kBadData} for a model that ONNX Runtime does not accept.
std::map<std::string, ValueType> infer_types(const onnx::Model& model);

/// Multiplications and additions of the convolutions and products for one picture; values whose shape varies count nothing.
double multiply_adds(const onnx::Model& model, const std::map<std::string, ValueType>& types);

}  // namespace goshawk::optimize
