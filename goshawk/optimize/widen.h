// FP16 models in FP32: all that changes a model works on that.
#pragma once

#include <set>
#include <string>

#include "goshawk/onnx/model.h"

namespace goshawk::optimize {

/// What is FP16 becomes FP32: constants, values, inputs and outputs, and casts between the two go. Every weight keeps its
/// value; what is computed between is no longer rounded to FP16. Subgraphs, and operators that are not ONNX's own, stay as
/// they are, between casts; so do an input and an output of FP16 that a subgraph takes. A model without FP16 stays as it
/// is. Throws what infer_types throws.
void to_fp32(onnx::Model& model);

/// Inputs and outputs of these names that are FP32 become FP16, with casts behind and before them: the model's user gives
/// and gets what the original takes and gives.
void narrow_ends(onnx::Model& model, const std::set<std::string>& names);

}  // namespace goshawk::optimize
