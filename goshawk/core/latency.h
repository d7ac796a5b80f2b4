// Durations of a repeated step, and their percentiles.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace goshawk {

/// Percentiles of a set of durations, in milliseconds. All 0 for an empty set.
struct LatencySummary {
  std::uint64_t count = 0;
  double total = 0, mean = 0, min = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0, max = 0;
};

/// Collects durations in constant memory: exact up to 65,536 samples, then a uniform random sample of that size (Vitter's
/// algorithm R with a fixed seed); count, total, min and max stay exact. Not thread-safe: one recorder a thread.
class LatencyRecorder {
 public:
  using Clock = std::chrono::steady_clock;
  void add(Clock::duration duration);
  LatencySummary summary() const;

 private:
  std::vector<float> samples_;  // milliseconds
  std::uint64_t count_ = 0;
  std::uint64_t random_ = 0x9E3779B97F4A7C15ULL;
  double total_ = 0, min_ = 0, max_ = 0;
};

/// Adds the time from construction to destruction to a recorder.
class ScopedTimer {
 public:
  explicit ScopedTimer(LatencyRecorder& recorder) : recorder_(recorder), start_(LatencyRecorder::Clock::now()) {}
  ~ScopedTimer() { recorder_.add(LatencyRecorder::Clock::now() - start_); }
  ScopedTimer(const ScopedTimer&) = delete;
  ScopedTimer& operator=(const ScopedTimer&) = delete;

 private:
  LatencyRecorder& recorder_;
  LatencyRecorder::Clock::time_point start_;
};

/// Value at `fraction` (0..1) of ascending `sorted`, linear between neighbours (numpy.percentile's default). 0 if empty.
double percentile(const std::vector<float>& sorted, double fraction);

}  // namespace goshawk
