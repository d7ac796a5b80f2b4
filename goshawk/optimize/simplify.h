// Changes to a graph that leave its answers as they are.
#pragma once

#include <cstddef>
#include <string>

#include "goshawk/onnx/model.h"

namespace goshawk::optimize {

struct SimplifyOptions {
  bool fold_constants = true;          // compute once what depends on no input, through ONNX Runtime
  bool fold_batch_norms = true;        // into the convolution before; outputs change by rounding alone
  std::size_t most_values = 4U << 20;  // of a constant that folding may make
};

/// What was done.
struct Simplified {
  std::size_t nodes_before = 0, nodes_after = 0;
  std::size_t constants_folded = 0, identities = 0, batch_norms = 0, unused = 0;
};

/// Turns Constant nodes into constants, folds what depends on no input, removes nodes that do nothing and branches that
/// nobody uses, and folds batch norms. Inputs, outputs and metadata stay. Outputs are the same bit by bit where no batch
/// norm was folded. Throws Error{kBadData} where constants cannot be computed.
Simplified simplify(onnx::Model& model, const SimplifyOptions& options = {});

/// Brings a model of operator set 11 or 12 to 13, from which on Q/DQ can be by channel. False, and the model as it was,
/// where a node's meaning changed in a way that is not followed, or the operator set is older; true from 13 on.
bool upgrade_to_13(onnx::Model& model);

}  // namespace goshawk::optimize
