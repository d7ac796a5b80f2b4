// Headers of images.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "goshawk/core/error.h"
#include "goshawk/dataset/image_size.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto found = goshawk::dataset::image_size({reinterpret_cast<const char*>(data), size});
  if (found) goshawk::require(found->width > 0 && found->height > 0, "a size is at least one pixel");
  return 0;
}
