#include "goshawk/runtime/memory.h"

#include <charconv>
#include <fstream>
#include <string>
#include <string_view>

namespace goshawk::runtime {
namespace {

/// The number behind `key` in a file of "key:  number kB" lines, in bytes; 0 when there is none.
std::uint64_t kilobytes(const char* file, std::string_view key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!std::string_view(line).starts_with(key)) continue;
    const auto digit = line.find_first_of("0123456789", key.size());
    std::uint64_t value = 0;
    if (digit != std::string::npos) std::from_chars(line.data() + digit, line.data() + line.size(), value);
    return value * 1024;
  }
  return 0;
}

}  // namespace

ProcessMemory process_memory() {
  constexpr const char* kStatus = "/proc/self/status";
  return {kilobytes(kStatus, "VmRSS:"), kilobytes(kStatus, "VmHWM:")};
}

}  // namespace goshawk::runtime
