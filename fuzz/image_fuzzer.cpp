// Images from outside: JPEG, PNG, WebP, BMP, TIFF.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "goshawk/core/error.h"
#include "goshawk/media/image.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::int64_t kPixels = 512 * 512;
  try {
    const auto image = goshawk::media::decode_image({reinterpret_cast<const char*>(data), size}, "fuzz", kPixels);
    goshawk::require(!image.empty() && static_cast<std::int64_t>(image.total()) <= kPixels, "an image beyond its limit");
  } catch (const goshawk::Error&) {
    // Refusing is right.
  }
  return 0;
}
