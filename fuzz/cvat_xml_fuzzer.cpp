// CVAT's XML, for images and for video, through the reader of data sets.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "fuzz/scratch.h"
#include "goshawk/core/error.h"
#include "goshawk/dataset/readers.h"

using namespace goshawk;           // NOLINT: a fuzzer
using namespace goshawk::dataset;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto path = scratch_folder() / "annotations.xml";
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  ReadLimits limits;
  limits.images = 100;
  limits.objects_per_image = 100;
  try {
    const Dataset set = read_cvat(path, limits).dataset;
    for (const auto& a : set.annotations) {
      require(a.image < set.images.size() && a.category < set.categories.size(), "objects are of an image and a class");
      require(a.mask < static_cast<std::int32_t>(set.masks.size()), "masks are there");
      require(std::isfinite(a.rectangle.area()), "boxes are finite");
    }
  } catch (const Error&) {
    // The one way in which text may be refused.
  }
  return 0;
}
