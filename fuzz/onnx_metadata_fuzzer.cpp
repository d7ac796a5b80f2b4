// The outer layer of an ONNX file.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "goshawk/core/error.h"
#include "goshawk/detect/onnx_file.h"

namespace {

/// A file in memory with the fuzzer's bytes.
class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size) : descriptor_(::memfd_create("model", 0)) {
    goshawk::require(descriptor_ >= 0 && ::write(descriptor_, data, size) == static_cast<ssize_t>(size), "a file in memory");
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(data, size);
  try {
    goshawk::detect::read_onnx_metadata(file.path());
    goshawk::detect::read_onnx_operators(file.path());
  } catch (const goshawk::Error&) {
    // No model, or a damaged one.
  }
  return 0;
}
