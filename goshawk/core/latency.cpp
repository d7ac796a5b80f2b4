#include "goshawk/core/latency.h"

#include <algorithm>
#include <cmath>

namespace goshawk {
namespace {

constexpr std::size_t kMaxSamples = 65536;

std::uint64_t xorshift(std::uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

}  // namespace

void LatencyRecorder::add(Clock::duration duration) {
  const double ms = std::chrono::duration<double, std::milli>(duration).count();
  min_ = count_ == 0 ? ms : std::min(min_, ms);
  max_ = count_ == 0 ? ms : std::max(max_, ms);
  ++count_;
  total_ += ms;
  if (samples_.size() < kMaxSamples) {
    samples_.push_back(static_cast<float>(ms));
  } else if (const auto slot = xorshift(random_) % count_; slot < kMaxSamples) {
    samples_[slot] = static_cast<float>(ms);
  }
}

LatencySummary LatencyRecorder::summary() const {
  if (count_ == 0) return {};
  std::vector<float> sorted = samples_;
  std::sort(sorted.begin(), sorted.end());
  return {count_,
          total_,
          total_ / static_cast<double>(count_),
          min_,
          percentile(sorted, 0.50),
          percentile(sorted, 0.90),
          percentile(sorted, 0.95),
          percentile(sorted, 0.99),
          max_};
}

double percentile(const std::vector<float>& sorted, double fraction) {
  if (sorted.empty()) return 0;
  const double position = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(position));
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double weight = position - static_cast<double>(below);
  return sorted[below] * (1 - weight) + sorted[above] * weight;
}

}  // namespace goshawk
