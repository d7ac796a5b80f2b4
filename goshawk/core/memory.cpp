#include "goshawk/core/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include "goshawk/core/control_group.h"

namespace goshawk {
namespace {

/// Bytes behind `key` in /proc/meminfo; 0 where it is missing.
std::uint64_t of_system(const std::string& key) {
  constexpr std::uint64_t kKilobyte = 1024;
  std::ifstream in("/proc/meminfo");
  std::string word;
  std::uint64_t value = 0;
  while (in >> word) {
    if (word == key && in >> value) return value * kKilobyte;
    in.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

}  // namespace

std::uint64_t available_memory() {
  std::uint64_t bytes = of_system("MemAvailable:");
  if (const auto limit = control_group_limits().memory_bytes) bytes = std::min(bytes, *limit);
  return bytes;
}

}  // namespace goshawk
