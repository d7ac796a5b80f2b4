// Weights for the channels that are left, with which a pruned network answers as the whole one did.
#pragma once

#include <cstdint>
#include <functional>

#include "goshawk/onnx/model.h"
#include "goshawk/optimize/pictures.h"
#include "goshawk/optimize/prune.h"

namespace goshawk::optimize {

/// Gives each convolution of `pruned` behind a channel that is gone the weights and bias with which, on the pictures, it
/// answers most like the same convolution of `original`: least squares at a sample of places, from what the convolutions
/// before it, refitted already, make of the pictures. Left as they are: convolutions of one or three dimensions, with
/// padding that is not stated, with weights that are not FP32, and whose input does not vary. Weights that several share
/// become each one's own. Sets `refitted`.
/// Source: He, Zhang, Sun, "Channel Pruning for Accelerating Very Deep Neural Networks", ICCV 2017, section 3.
/// `progress` may be empty. Throws what Pictures::watch throws.
void refit(Pruned& pruned, const onnx::Model& original, const Pictures& pictures,
           const std::function<void(std::int64_t done, std::int64_t total)>& progress = {});

}  // namespace goshawk::optimize
