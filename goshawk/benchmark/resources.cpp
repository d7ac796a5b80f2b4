#include "goshawk/benchmark/resources.h"

#include <algorithm>
#include <ctime>

namespace goshawk::benchmark {

void Level::add(double value) {
  now = value;
  peak = looks == 0 ? value : std::max(peak, value);
  ++looks;
  mean += (value - mean) / static_cast<double>(looks);
}

std::chrono::nanoseconds processor_time() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

ResourceMonitor::ResourceMonitor(std::size_t contestants, int gpu, std::chrono::milliseconds interval)
    : interval_(interval),
      gpu_(gpu >= 0 ? runtime::GpuMonitor::open(gpu) : nullptr),
      resources_(contestants),
      spent_(contestants),
      thread_([this](const std::stop_token& stop) { watch(stop); }) {}

ResourceMonitor::~ResourceMonitor() = default;

void ResourceMonitor::begin(std::size_t contestant) {
  {
    const std::lock_guard lock(mutex_);
    current_ = contestant;
    active_ = true;
  }
  changed_.notify_one();
  processor_at_begin_ = processor_time();
  begin_ = std::chrono::steady_clock::now();
}

void ResourceMonitor::end() {
  const auto wall = std::chrono::steady_clock::now() - begin_;
  const auto processor = processor_time() - processor_at_begin_;
  const std::lock_guard lock(mutex_);
  active_ = false;
  Spent& spent = spent_[current_];
  spent.wall += wall;
  spent.processor += processor;
  resources_[current_].cpu_cores = static_cast<double>(spent.processor.count()) / static_cast<double>(spent.wall.count());
  look();
}

void ResourceMonitor::watch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    changed_.wait(lock, stop, [&] { return active_; });
    const std::size_t turn = current_;
    const bool over = changed_.wait_for(lock, stop, interval_, [&] { return !active_ || current_ != turn; });
    if (!over && !stop.stop_requested()) look();
  }
}

void ResourceMonitor::look() {
  Resources& resources = resources_[current_];
  resources.resident.add(static_cast<double>(runtime::process_memory().resident));
  if (!gpu_) return;
  const auto status = gpu_->read();
  if (!status) return;
  const std::uint64_t used = status->process_bytes > 0 ? status->process_bytes : status->total_bytes - status->free_bytes;
  resources.device.add(static_cast<double>(used));
  if (status->utilization >= 0) resources.gpu_utilization.add(status->utilization);
}

}  // namespace goshawk::benchmark
