#include "goshawk/core/control_group.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace goshawk {
namespace {

namespace fs = std::filesystem;

/// The only number in a small text file; nullopt for "max" and where there is none.
std::optional<std::uint64_t> number_in(const fs::path& file) {
  std::uint64_t value = 0;
  if (std::ifstream in(file); in >> value) return value;
  return std::nullopt;
}

/// Value behind `key` in a file of lines "key value"; 0 where there is none.
std::uint64_t value_of(const fs::path& file, std::string_view key) {
  std::ifstream in(file);
  std::string word;
  std::uint64_t value = 0;
  while (in >> word >> value) {
    if (word == key) return value;
  }
  return 0;
}

template <typename T>
void take_least(std::optional<T>& least, T value) {
  least = least ? std::min(*least, value) : value;
}

/// Folders of the process's group and of those above it, of one controller ("" for version 2, which has one tree for all).
/// In a container the path may be that of the host: then the mount's top alone is there.
std::vector<fs::path> groups(const fs::path& root, std::string_view controller) {
  const fs::path mount = root / "sys/fs/cgroup" / controller;
  std::vector<fs::path> found{mount};
  std::ifstream in(root / "proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {  // "4:cpu,cpuacct:/service", "0::/service"
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string names = "," + line.substr(first + 1, second - first - 1) + ",";
    if (controller.empty() ? names != ",," : names.find("," + std::string(controller) + ",") == std::string::npos) continue;
    fs::path group = mount;
    for (const auto& part : fs::path(line.substr(second + 1)).relative_path()) found.push_back(group /= part);
  }
  return found;
}

/// `quota` of each `period` (microseconds both).
void take_quota(GroupLimits& limits, double quota, double period) {
  if (quota > 0 && period > 0) take_least(limits.cores, quota / period);
}

void take_memory(GroupLimits& limits, const fs::path& group, const char* most, const char* used, const char* droppable) {
  const auto limit = number_in(group / most), now = number_in(group / used);
  if (!limit || !now) return;
  const std::uint64_t held = *now - std::min(*now, value_of(group / "memory.stat", droppable));
  take_least(limits.memory_bytes, *limit - std::min(*limit, held));
}

}  // namespace

GroupLimits control_group_limits(const fs::path& root) {
  GroupLimits limits;
  for (const auto& group : groups(root, "")) {
    double quota = 0, period = 0;
    if (std::ifstream in(group / "cpu.max"); in >> quota >> period) take_quota(limits, quota, period);  // "max 100000" fails
    take_memory(limits, group, "memory.max", "memory.current", "inactive_file");
  }
  for (const auto& group : groups(root, "cpu")) {
    double quota = 0, period = 0;  // -1: no limit
    if (std::ifstream(group / "cpu.cfs_quota_us") >> quota && std::ifstream(group / "cpu.cfs_period_us") >> period)
      take_quota(limits, quota, period);
  }
  for (const auto& group : groups(root, "memory"))
    take_memory(limits, group, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");
  return limits;
}

}  // namespace goshawk
