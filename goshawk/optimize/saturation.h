// Processors whose eight-bit products saturate.
#pragma once

#include <set>
#include <string>

#include "goshawk/runtime/device.h"

namespace goshawk::optimize {

/// Whether kernels add two products of uint8 and int8 in 16 bits, beyond which sums are cut off: on x86 with AVX2 or AVX-512
/// (vpmaddubsw), but without VNNI and AMX. `features`: see core/processor.h. Source: ONNX Runtime's page "Quantize ONNX
/// Models", "When to use reduce-range".
bool products_saturate(const std::set<std::string>& features);

/// Whether weights for this device of this machine have 7 bits, with which the sums stay exact.
bool needs_narrow_weights(runtime::DeviceKind device);

}  // namespace goshawk::optimize
