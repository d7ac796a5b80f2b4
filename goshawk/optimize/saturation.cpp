#include "goshawk/optimize/saturation.h"

#include <algorithm>

#include "goshawk/core/processor.h"

namespace goshawk::optimize {
bool products_saturate(const std::set<std::string>& features) {
  const auto exact = {"avx_vnni", "avx512_vnni", "amx_int8"};
  return features.contains("avx2") &&
         std::none_of(exact.begin(), exact.end(), [&](const char* feature) { return features.contains(feature); });
}

bool needs_narrow_weights(runtime::DeviceKind device) {
  return !runtime::is_gpu(device) && products_saturate(processor_features());
}

}  // namespace goshawk::optimize
