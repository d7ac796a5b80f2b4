// Rearrangements of a graph that a provider computes faster, and that leave the answers as they are.
#pragma once

#include <cstddef>

#include "goshawk/onnx/model.h"
#include "goshawk/runtime/device.h"

namespace goshawk::optimize {

/// ONNX Runtime's CPU provider takes five times as long for a Softmax over another axis than the last as for one over the
/// last between two Transposes (1.31; docs/benchmarks.md): for kCpu they are written so, from operator set 13 on; outputs
/// stay the same bit by bit. Other devices: nothing is known to gain.
/// Returns how many nodes were changed. Throws what infer_types throws.
std::size_t fit_to_provider(onnx::Model& model, runtime::DeviceKind device);

}  // namespace goshawk::optimize
