// A folder of CVAT's YOLO 1.1: obj.data, obj.names, train.txt, a label file; separated by lines of "---".
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "fuzz/scratch.h"
#include "goshawk/core/error.h"
#include "goshawk/dataset/readers.h"
#include "goshawk/dataset/safe_path.h"

using namespace goshawk;           // NOLINT: a fuzzer
using namespace goshawk::dataset;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto& folder = scratch_folder();
  std::string text(reinterpret_cast<const char*>(data), size);
  std::filesystem::create_directories(folder / "obj_train_data");
  for (const char* file : {"obj.data", "obj.names", "train.txt", "obj_train_data/a.txt"}) {
    const std::size_t end = std::min(text.find("---\n"), text.size());
    std::ofstream(folder / file, std::ios::binary) << text.substr(0, end);
    text.erase(0, end + 4);
  }
  ReadLimits limits;
  limits.images = limits.objects_per_image = 100;
  try {
    const Dataset set = read_cvat_yolo(folder, limits).dataset;
    for (const auto& image : set.images) require(safe_relative_path(image.file).has_value(), "images lie in the set");
    for (const auto& a : set.annotations) {
      require(a.image < set.images.size() && a.category < set.categories.size(), "objects are of an image and a class");
    }
  } catch (const Error&) {
    // The one way in which text may be refused.
  }
  return 0;
}
