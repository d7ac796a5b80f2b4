// Batch norm and SiLU as one step of the graph.
#pragma once

#include <torch/nn/modules/batchnorm.h>

namespace goshawk::train {

/// silu(norm(x)) for `x` of [N, C, H, W], with gradients; updates the running statistics as `norm` does while training. In a
/// training step on the CPU over a channels-last map of float32 or bfloat16 it takes the kernels of norm_silu_rows.h, which
/// keep only `x` for the way back (the plain chain keeps its result too); anywhere else it is the plain chain. Not for
/// gradients of gradients.
torch::Tensor norm_silu(torch::nn::BatchNorm2dImpl& norm, const torch::Tensor& x);

}  // namespace goshawk::train
