#include "goshawk/core/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace goshawk {
namespace {

/// The only number in a small text file; nullopt for "max" and where there is none.
std::optional<std::uint64_t> number_in(const char* file) {
  std::uint64_t value = 0;
  if (std::ifstream in(file); in >> value) return value;
  return std::nullopt;
}

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
  const auto within = [&](const char* most, const char* used) {
    const auto limit = number_in(most), now = number_in(used);
    if (limit && now) bytes = std::min(bytes, *limit - std::min(*limit, *now));
  };
  within("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current");
  within("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes");
  return bytes;
}

}  // namespace goshawk
