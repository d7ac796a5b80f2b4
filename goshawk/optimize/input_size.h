// The same network for pictures of another size.
#pragma once

#include "goshawk/core/recipe.h"
#include "goshawk/onnx/model.h"

namespace goshawk::optimize {

/// Makes the input of a detector `side` x `side` pixels, and lets the shapes behind it follow; the recipe says it too. A
/// network that takes any size keeps that and has `side` as its size of choice. Throws Error{kUsage} unless `side` is a
/// multiple of the recipe's stride, and {kBadConfig} for a graph with constants that were made for its own size.
void set_input_size(onnx::Model& model, Recipe& recipe, int side);

}  // namespace goshawk::optimize
