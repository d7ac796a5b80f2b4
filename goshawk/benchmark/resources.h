// What a process uses while something is measured.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "goshawk/runtime/memory.h"

namespace goshawk::benchmark {

/// A quantity that was looked at again and again.
struct Level {
  double now = 0, mean = 0, peak = 0;  // the last, the average and the greatest of the looks
  std::uint64_t looks = 0;
  void add(double value);
  bool operator==(const Level&) const = default;
};

struct Resources {
  double cpu_cores = 0;   // processor time of this process over wall time: 1.5 is one and a half cores
  Level resident;         // bytes of this process
  Level device;           // bytes on the GPU: of this process, of the whole GPU where the driver does not tell
  Level gpu_utilization;  // of the whole GPU, 0..1
  bool operator==(const Resources&) const = default;
};

/// Processor time of this process, all threads, user and system.
std::chrono::nanoseconds processor_time();

/// Looks at memory and GPU from a thread of its own, between `begin` and `end`, for whoever has the turn. A look takes some
/// 30 microseconds. One thread calls.
class ResourceMonitor {
 public:
  /// `gpu`: number of the GPU, -1 for none.
  ResourceMonitor(std::size_t contestants, int gpu, std::chrono::milliseconds interval);
  ~ResourceMonitor();
  ResourceMonitor(const ResourceMonitor&) = delete;
  ResourceMonitor& operator=(const ResourceMonitor&) = delete;

  void begin(std::size_t contestant);
  /// Looks once more, so that the shortest turn has been looked at.
  void end();
  /// SHAPE: contestants. Between `end` and `begin` only.
  const std::vector<Resources>& resources() const { return resources_; }

 private:
  struct Spent {
    std::chrono::nanoseconds processor{0}, wall{0};
  };
  void watch(const std::stop_token& stop);
  void look();

  const std::chrono::milliseconds interval_;
  std::unique_ptr<runtime::GpuMonitor> gpu_;
  std::vector<Resources> resources_;
  std::vector<Spent> spent_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool active_ = false;
  std::size_t current_ = 0;
  std::chrono::nanoseconds processor_at_begin_{0};
  std::chrono::steady_clock::time_point begin_;
  std::jthread thread_;  // last, so that it ends first
};

}  // namespace goshawk::benchmark
