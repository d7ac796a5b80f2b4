// Which machine a figure was measured on.
#pragma once

#include <cstdint>
#include <string>

namespace goshawk {

struct Machine {
  std::string processor;  // "Intel(R) Xeon(R) Processor"
  int cores = 0;          // that this process may use
  std::uint64_t memory_bytes = 0;
  std::string system;  // "Debian GNU/Linux 12 (bookworm), Linux 6.1.0"
};

Machine describe_machine();

/// Cores that this process may use at once: its CPU affinity, and its control group's quota (v1, v2) rounded up. At least 1.
int usable_cores();

}  // namespace goshawk
