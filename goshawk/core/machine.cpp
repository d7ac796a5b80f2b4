#include "goshawk/core/machine.h"

#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string_view>

#include "goshawk/core/control_group.h"

namespace goshawk {
namespace {

/// Value of the first line "key<separator>value" of a small text file; empty when there is none.
std::string value_of(const char* file, std::string_view key, char separator) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const auto at = line.find(separator);
    if (at == std::string::npos || !std::string_view(line).starts_with(key)) continue;
    const auto begin = line.find_first_not_of(" \t\"", at + 1);
    const auto end = line.find_last_not_of(" \t\"");
    return begin == std::string::npos ? std::string() : line.substr(begin, end - begin + 1);
  }
  return {};
}

}  // namespace

int usable_cores() {
  cpu_set_t allowed;
  int cores = ::sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed)
                                                                    : static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  if (const auto quota = control_group_limits().cores) cores = std::min(cores, static_cast<int>(std::ceil(*quota)));
  return std::max(cores, 1);
}

Machine describe_machine() {
  Machine machine;
  machine.processor = value_of("/proc/cpuinfo", "model name", ':');
  machine.cores = usable_cores();
  machine.memory_bytes =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
  utsname kernel{};
  ::uname(&kernel);
  machine.system = value_of("/etc/os-release", "PRETTY_NAME", '=') + ", " + kernel.sysname + " " + kernel.release;
  return machine;
}

}  // namespace goshawk
