#include "goshawk/track/uniform_signal.h"

#include <algorithm>
#include <cmath>

namespace goshawk::track {

namespace {

constexpr std::size_t kFewestSamples = 8;
constexpr double kMostSteps = 100'000;
constexpr double kShortestStep = 1.0 / 120;  // seconds
constexpr double kLeastStrength = 0.3;
constexpr double kNearHighest = 0.9;  // of the highest peak; later peaks are its multiples

double median_step(std::span<const double> times) {
  std::vector<double> steps;
  for (std::size_t i = 1; i < times.size(); ++i) steps.push_back(times[i] - times[i - 1]);
  std::ranges::nth_element(steps, steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2));
  return steps[steps.size() / 2];
}

void remove_trend(std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  double mean = 0, slope = 0, spread = 0;
  for (const double value : values) mean += value / n;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double t = static_cast<double>(i) - (n - 1) / 2;
    slope += t * values[i];
    spread += t * t;
  }
  slope /= spread;
  for (std::size_t i = 0; i < values.size(); ++i) values[i] -= mean + slope * (static_cast<double>(i) - (n - 1) / 2);
}

/// Correlation of the signal with itself `lag` steps later, in [-1, 1].
double correlation(const std::vector<double>& values, std::size_t lag) {
  double both = 0, early = 0, late = 0;
  for (std::size_t i = 0; i + lag < values.size(); ++i) {
    both += values[i] * values[i + lag];
    early += values[i] * values[i];
    late += values[i + lag] * values[i + lag];
  }
  const double scale = std::sqrt(early * late);
  return scale > 1e-12 ? both / scale : 0;
}

}  // namespace

UniformSignal resample(std::span<const double> times, std::span<const double> values) {
  if (times.size() < kFewestSamples || times.back() <= times.front()) return {};
  UniformSignal signal;
  signal.step = std::max(median_step(times), kShortestStep);
  const double steps = std::floor((times.back() - times.front()) / signal.step);
  if (!(steps < kMostSteps)) return {};
  std::size_t at = 0;
  for (int k = 0; k <= static_cast<int>(steps); ++k) {
    const double t = times.front() + k * signal.step;
    while (at + 2 < times.size() && times[at + 1] < t) ++at;
    const double part = std::clamp((t - times[at]) / (times[at + 1] - times[at]), 0.0, 1.0);
    signal.values.push_back(values[at] + part * (values[at + 1] - values[at]));
  }
  remove_trend(signal.values);
  return signal;
}

std::optional<Period> period_by_autocorrelation(const UniformSignal& signal, double min_period, double max_period) {
  // Less than one and a half periods of overlap says nothing.
  const auto longest = static_cast<std::size_t>(static_cast<double>(signal.values.size()) * 2 / 3);
  const auto from = static_cast<std::size_t>(std::max(1.0, std::floor(min_period / signal.step)));
  const std::size_t to = std::min(longest, static_cast<std::size_t>(std::ceil(max_period / signal.step)) + 1);
  if (from + 2 > to) return std::nullopt;
  std::vector<double> r;  // of the lags from - 1 .. to
  for (std::size_t lag = from - 1; lag <= to; ++lag) r.push_back(correlation(signal.values, lag));
  std::vector<std::size_t> peaks;
  double highest = kLeastStrength;
  for (std::size_t k = 1; k + 1 < r.size(); ++k) {
    if (r[k] < kLeastStrength || r[k] <= r[k - 1] || r[k] < r[k + 1]) continue;
    peaks.push_back(k);
    highest = std::max(highest, r[k]);
  }
  for (const std::size_t k : peaks) {
    if (r[k] < kNearHighest * highest) continue;
    const double bend =
        r[k - 1] - 2 * r[k] + r[k + 1];  // the parabola through three points has its top beside the middle one
    const double aside = bend < 0 ? 0.5 * (r[k - 1] - r[k + 1]) / bend : 0;
    const double seconds = (static_cast<double>(from - 1 + k) + aside) * signal.step;
    if (seconds < min_period || seconds > max_period) continue;
    return Period{seconds, std::min(1.0, r[k])};
  }
  return std::nullopt;
}

std::vector<std::size_t> turning_points(std::span<const SignalPoint> points, double least_turn) {
  std::vector<std::size_t> turns;
  std::size_t high = 0, low = 0;
  int way = 0;  // 1: rising, -1: falling, 0: not known yet
  for (std::size_t i = 1; i < points.size(); ++i) {
    const double here = points[i].position;
    if (here > points[high].position) high = i;
    if (here < points[low].position) low = i;
    if (way >= 0 && points[high].position - here >= least_turn) {  // it has fallen from the last high
      if (high > 0) turns.push_back(high);
      way = -1;
      low = i;
      high = i;
    } else if (way <= 0 && here - points[low].position >= least_turn) {
      if (low > 0) turns.push_back(low);
      way = 1;
      high = i;
      low = i;
    }
  }
  return turns;
}

}  // namespace goshawk::track
