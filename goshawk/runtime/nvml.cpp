#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>

#include "goshawk/runtime/memory.h"

namespace goshawk::runtime {
namespace {

// The few declarations of NVML that are used here; its header is not part of Debian. Source: NVML API reference, "Device
// Queries" and "Structs" (R550); the library keeps these versioned names and layouts.
using NvmlDevice = void*;
struct NvmlMemory {
  unsigned long long total, free, used;
};
struct NvmlProcess {
  unsigned int pid;
  unsigned long long used;
  unsigned int gpu_instance, compute_instance;
};

struct NvmlUtilization {
  unsigned int gpu, memory;  // percent
};

/// NVML between nvmlInit and nvmlShutdown.
class Nvml {
 public:
  static std::unique_ptr<Nvml> open() {
    if (!has_nvidia_driver()) return nullptr;
    void* library = ::dlopen("libnvidia-ml.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (library == nullptr) return nullptr;
    std::unique_ptr<Nvml> nvml(new Nvml(library));
    return nvml->start() ? std::move(nvml) : nullptr;
  }

  ~Nvml() {
    if (started_) shutdown_();
    ::dlclose(library_);
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  std::vector<GpuStatus> list() const {
    std::vector<GpuStatus> list;
    unsigned int count = 0;
    if (count_(&count) != 0) return list;
    for (unsigned int i = 0; i < count; ++i) {
      NvmlDevice device = nullptr;
      if (handle_(i, &device) == 0) list.push_back(describe(device));
    }
    return list;
  }

  std::optional<GpuStatus> read(unsigned int index) const {
    NvmlDevice device = nullptr;
    return handle_(index, &device) == 0 ? std::optional(describe(device)) : std::nullopt;
  }

 private:
  explicit Nvml(void* library) : library_(library) {}

  template <typename Function>
  bool find(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(::dlsym(library_, name));
    return function != nullptr;
  }

  bool start() {
    int (*init)() = nullptr;
    const bool complete = find(init, "nvmlInit_v2") && find(shutdown_, "nvmlShutdown") &&
                          find(count_, "nvmlDeviceGetCount_v2") && find(handle_, "nvmlDeviceGetHandleByIndex_v2") &&
                          find(name_, "nvmlDeviceGetName") && find(memory_, "nvmlDeviceGetMemoryInfo");
    find(processes_, "nvmlDeviceGetComputeRunningProcesses_v3");
    find(utilization_, "nvmlDeviceGetUtilizationRates");
    find(driver_, "nvmlSystemGetDriverVersion");
    started_ = complete && init() == 0;
    return started_;
  }

  GpuStatus describe(NvmlDevice device) const {
    GpuStatus gpu;
    std::array<char, 96> text{};
    const auto size = static_cast<unsigned int>(text.size());
    if (name_(device, text.data(), size) == 0) gpu.name = text.data();
    if (driver_ != nullptr && driver_(text.data(), size) == 0) gpu.driver = text.data();
    NvmlMemory memory{};
    if (memory_(device, &memory) == 0) {
      gpu.total_bytes = memory.total;
      gpu.free_bytes = memory.free;
    }
    gpu.process_bytes = used_by_this_process(device);
    NvmlUtilization utilization{};
    if (utilization_ != nullptr && utilization_(device, &utilization) == 0) gpu.utilization = utilization.gpu / 100.0;
    return gpu;
  }

  std::uint64_t used_by_this_process(NvmlDevice device) const {
    if (processes_ == nullptr) return 0;
    std::array<NvmlProcess, 64> processes{};
    auto count = static_cast<unsigned int>(processes.size());
    if (processes_(device, &count, processes.data()) != 0) return 0;
    const auto self = static_cast<unsigned int>(::getpid());
    for (unsigned int i = 0; i < count && i < processes.size(); ++i) {
      constexpr auto kUnknown = ~0ULL;
      if (processes[i].pid == self && processes[i].used != kUnknown) return processes[i].used;
    }
    return 0;
  }

  void* library_;
  bool started_ = false;
  int (*shutdown_)() = nullptr;
  int (*count_)(unsigned int*) = nullptr;
  int (*handle_)(unsigned int, NvmlDevice*) = nullptr;
  int (*name_)(NvmlDevice, char*, unsigned int) = nullptr;
  int (*memory_)(NvmlDevice, NvmlMemory*) = nullptr;
  int (*processes_)(NvmlDevice, unsigned int*, NvmlProcess*) = nullptr;
  int (*utilization_)(NvmlDevice, NvmlUtilization*) = nullptr;
  int (*driver_)(char*, unsigned int) = nullptr;
};

class NvmlMonitor : public GpuMonitor {
 public:
  NvmlMonitor(std::unique_ptr<Nvml> nvml, unsigned int index) : nvml_(std::move(nvml)), index_(index) {}
  std::optional<GpuStatus> read() override { return nvml_->read(index_); }

 private:
  std::unique_ptr<Nvml> nvml_;
  unsigned int index_;
};

}  // namespace

bool has_nvidia_driver() {
  std::error_code ignored;
  return std::filesystem::exists("/proc/driver/nvidia/version", ignored) ||
         std::filesystem::exists("/dev/nvidiactl", ignored);
}

std::vector<GpuStatus> gpus() {
  const auto nvml = Nvml::open();
  return nvml ? nvml->list() : std::vector<GpuStatus>{};
}

std::optional<GpuStatus> gpu(int index) {
  const auto all = gpus();
  if (index < 0 || static_cast<std::size_t>(index) >= all.size()) return std::nullopt;
  return all[static_cast<std::size_t>(index)];
}

std::unique_ptr<GpuMonitor> GpuMonitor::open(int index) {
  auto nvml = index >= 0 ? Nvml::open() : nullptr;
  if (!nvml || !nvml->read(static_cast<unsigned int>(index))) return nullptr;
  return std::make_unique<NvmlMonitor>(std::move(nvml), static_cast<unsigned int>(index));
}

}  // namespace goshawk::runtime
