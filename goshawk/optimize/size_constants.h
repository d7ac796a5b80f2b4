// Constants of a graph that were made for one size of its input.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "goshawk/onnx/model.h"
#include "goshawk/optimize/shapes.h"

namespace goshawk::optimize {

/// Pixels.
struct Extent {
  std::int64_t width = 0, height = 0;
};

/// Makes anew, in a model whose input was `before` and says `after` now, what exporters compute ahead: for each place of the
/// output grid its centre or corner or stride (the v8 family and its followers, YOLOX), the shapes that Reshape nodes state
/// in full (v8's box distances, the attention of 11 and 26), and the sizes that Resize nodes state (PyTorch's feature
/// pyramids). `types`: of the model as it was. What follows from the size in another way is left as it is. Throws
/// Error{kBadConfig} for a size of a Resize that cannot follow, and what infer_types throws.
void follow_input_size(onnx::Model& model, const std::map<std::string, ValueType>& types, Extent before, Extent after);

/// Whether an output that had a place for each of the output grid (by one of its dimensions) has not as many as it should
/// have now.
bool keeps_old_places(const onnx::Shape& was, const onnx::Shape& is, Extent before, Extent after);

}  // namespace goshawk::optimize
