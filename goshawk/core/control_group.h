// The control groups (cgroups) that this process is in: what a container, a service or a batch system allows it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace goshawk {

/// Limits of the process's own group and of all above it, the least of them; nullopt: none. Versions 1 and 2 (the kernel's
/// admin-guide/cgroup-v2.rst and cgroup-v1/).
struct GroupLimits {
  std::optional<double> cores;                // seconds of processor time a second
  std::optional<std::uint64_t> memory_bytes;  // that may still be taken: pages of files that can be dropped count as free
};

/// `root`: where proc/ and sys/ are; for tests.
GroupLimits control_group_limits(const std::filesystem::path& root = "/");

}  // namespace goshawk
