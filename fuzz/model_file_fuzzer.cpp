// The reader of ONNX files, which decides whether one may be given to ONNX Runtime.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "goshawk/core/error.h"
#include "goshawk/runtime/model_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int file = ::memfd_create("model", 0);  // a file without a disk
  if (file < 0 || ::write(file, data, size) != static_cast<ssize_t>(size)) return -1;
  try {
    goshawk::runtime::inspect_model("/proc/self/fd/" + std::to_string(file));
  } catch (const goshawk::Error&) {
    // The expected end of most inputs.
  }
  ::close(file);
  return 0;
}
