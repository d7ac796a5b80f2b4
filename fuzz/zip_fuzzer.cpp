// Zip archives, and the readers of what is in them. Nothing may be left or written outside of the archive's own folder.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "fuzz/scratch.h"
#include "goshawk/core/error.h"
#include "goshawk/dataset/readers.h"
#include "goshawk/dataset/zip_archive.h"

using namespace goshawk;           // NOLINT: a fuzzer
using namespace goshawk::dataset;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto path = scratch_folder() / "a.zip";
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(data + 1), static_cast<std::streamsize>(size - 1));
  try {
    ProblemList problems(100);
    const ZipLimits limits{
        .entries = 100, .entry_bytes = 1 << 20, .total_bytes = 1 << 22, .ratio = 200, .ratio_from = 1 << 16};
    const auto unpacked = UnpackedArchive::open(path, problems, limits);
    ReadLimits read_limits;
    read_limits.images = read_limits.objects_per_image = 100;
    if (data[0] % 2 == 0) read_cvat_yolo(unpacked->folder(), read_limits);
    else read_cvat(unpacked->folder(), read_limits);
  } catch (const Error&) {
    // The one way in which an archive may be refused.
  }
  return 0;
}
