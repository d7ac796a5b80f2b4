// Memory of this process and of NVIDIA GPUs; that of the machine: core/memory.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace goshawk::runtime {

/// Bytes of this process in RAM now, and the most there ever were (VmRSS and VmHWM of /proc/self/status; 0 elsewhere).
struct ProcessMemory {
  std::uint64_t resident = 0;
  std::uint64_t peak_resident = 0;
};
ProcessMemory process_memory();

/// One NVIDIA GPU, as NVML (libnvidia-ml.so.1, loaded when asked) describes it. The order is NVML's (PCI bus), which is
/// CUDA's when CUDA_DEVICE_ORDER=PCI_BUS_ID.
struct GpuStatus {
  std::string name;
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t process_bytes = 0;  // of this process; 0 where the driver does not tell (containers)
  std::string driver;               // its version: "550.54.15"; the same for all
  double utilization = -1;          // share of the last fraction of a second in which it computed, 0..1; -1: not told
};

/// Empty without an NVIDIA driver; quick then, nothing is loaded.
std::vector<GpuStatus> gpus();
std::optional<GpuStatus> gpu(int index);

/// One GPU, looked at again and again without loading the driver's library each time. Not thread-safe.
class GpuMonitor {
 public:
  /// nullptr where there is no such GPU.
  static std::unique_ptr<GpuMonitor> open(int index);
  virtual ~GpuMonitor() = default;
  /// nullopt when the driver does not answer any more.
  virtual std::optional<GpuStatus> read() = 0;
};

/// True when this machine has an NVIDIA driver.
bool has_nvidia_driver();

}  // namespace goshawk::runtime
