#include "goshawk/runtime/memory.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
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

/// The number in a small file; nullopt for "max", and when it cannot be read.
std::optional<std::uint64_t> number_in(const std::string& file) {
  std::ifstream in(file);
  std::uint64_t value = 0;
  return in >> value ? std::optional(value) : std::nullopt;
}

std::uint64_t control_group_memory() {
  constexpr auto kUnlimited = std::numeric_limits<std::uint64_t>::max();
  for (const auto& [limit, usage] : {std::pair{"memory.max", "memory.current"},
                                     std::pair{"memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"}}) {
    const std::string root = "/sys/fs/cgroup/";
    const auto most = number_in(root + limit);
    const auto used = number_in(root + usage);
    if (most && used) return *most > *used ? *most - *used : 0;
  }
  return kUnlimited;
}

}  // namespace

ProcessMemory process_memory() {
  constexpr const char* kStatus = "/proc/self/status";
  return {kilobytes(kStatus, "VmRSS:"), kilobytes(kStatus, "VmHWM:")};
}

std::uint64_t available_memory() { return std::min(kilobytes("/proc/meminfo", "MemAvailable:"), control_group_memory()); }

}  // namespace goshawk::runtime
