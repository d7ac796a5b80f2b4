// The reader and checker of ONNX graphs: what passes must be written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "goshawk/core/error.h"
#include "goshawk/onnx/model.h"
#include "goshawk/onnx/wiring.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const goshawk::onnx::ReadLimits limits{.bytes = 1U << 20, .nodes = 2'000, .constants = 2'000};
  try {
    auto model = goshawk::onnx::parse_model(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz", limits);
    const std::string bytes = goshawk::onnx::serialize(model);
    if (goshawk::onnx::serialize(goshawk::onnx::parse_model(bytes, "again", limits)) != bytes) std::abort();
    goshawk::onnx::remove_unused(model);
    goshawk::onnx::check(model, "without what is unused");
  } catch (const goshawk::Error&) {
    // The expected end of most inputs.
  }
  return 0;
}
