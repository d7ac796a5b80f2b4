#include "goshawk/optimize/ranges.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"

namespace goshawk::optimize {
namespace {

constexpr float kLeastReach = 1e-30F;  // bins of less have no finite inverse
constexpr double kTail = 1e-4;         // of the values, on either side, that kPercentile leaves out

Range with_zero(Range range) { return {std::min(range.low, 0.0F), std::max(range.high, 0.0F)}; }

Range both_sides(const Range& range) {
  const float most = std::max(-range.low, range.high);
  return {-most, most};
}

Range percentile_range(const Histogram& histogram) {
  const auto& bins = histogram.bins();
  const auto most = static_cast<std::uint64_t>(static_cast<double>(histogram.count()) * kTail);
  std::uint64_t left = 0, right = 0;
  std::size_t first = 0, last = bins.size() - 1;
  while (first < last && left + bins[first] <= most) left += bins[first++];
  while (last > first && right + bins[last] <= most) right += bins[last--];
  const Range seen = histogram.seen();
  const float half = histogram.width() / 2;
  return {std::max(seen.low, histogram.center(first) - half), std::min(seen.high, histogram.center(last) + half)};
}

/// Sum of squared differences between values and what the grid makes of them.
double squared_error(const Histogram& histogram, const Grid& grid, std::size_t first, std::size_t last) {
  const auto& bins = histogram.bins();
  const float inverse = 1 / grid.scale;
  double error = 0;
  for (std::size_t b = first; b <= last; ++b) {
    if (bins[b] == 0) continue;
    const float value = histogram.center(b);
    const float q = std::clamp(std::nearbyint(value * inverse) + static_cast<float>(grid.zero_point),
                               static_cast<float>(grid.least), static_cast<float>(grid.most));
    const float difference = value - grid.scale * (q - static_cast<float>(grid.zero_point));
    error += static_cast<double>(bins[b]) * static_cast<double>(difference) * static_cast<double>(difference);
  }
  return error;
}

Range least_error_range(const Histogram& histogram, const Range& seen, bool symmetric) {
  const auto& bins = histogram.bins();
  std::size_t first = 0, last = bins.size() - 1;
  while (first < last && bins[first] == 0) ++first;
  while (last > first && bins[last] == 0) --last;
  Range best = seen;
  double least = std::numeric_limits<double>::infinity();
  const auto consider = [&](const Range& range) {
    const double error = squared_error(histogram, grid_of(range, symmetric), first, last);
    if (error < least) least = error, best = range;
  };
  const auto shares = [](float extent) { return extent > 0 ? 40 : 0; };
  // Each side by itself first, then the other: their errors hardly touch each other.
  consider(seen);
  for (int round = 0; round < (symmetric ? 1 : 2); ++round) {
    Range around = best;
    for (int i = shares(seen.high); i > 4; --i) {
      const float high = seen.high * static_cast<float>(i) / 40;
      consider({symmetric ? -high : around.low, high});
    }
    around = best;
    if (symmetric) break;
    for (int i = shares(-seen.low); i > 4; --i) consider({seen.low * static_cast<float>(i) / 40, around.high});
  }
  return best;
}

/// Divergence of the distribution that is clipped at `kept` bins and squeezed into 128 levels from the clipped one.
double divergence(const std::vector<double>& magnitudes, std::size_t kept) {
  constexpr std::size_t kLevels = 128;
  std::vector<double> clipped(magnitudes.begin(), magnitudes.begin() + static_cast<std::ptrdiff_t>(kept));
  for (std::size_t i = kept; i < magnitudes.size(); ++i) clipped.back() += magnitudes[i];
  std::vector<double> coarse(kept, 0.0);
  for (std::size_t level = 0; level < kLevels; ++level) {
    const std::size_t begin = level * kept / kLevels, end = (level + 1) * kept / kLevels;
    double sum = 0;
    std::size_t filled = 0;
    for (std::size_t i = begin; i < end; ++i) {
      sum += magnitudes[i];
      if (clipped[i] > 0) ++filled;
    }
    for (std::size_t i = begin; i < end; ++i) {
      if (clipped[i] > 0 && filled > 0) coarse[i] = sum / static_cast<double>(filled);
    }
  }
  double total = 0, coarse_total = 0, sum = 0;
  for (std::size_t i = 0; i < kept; ++i) total += clipped[i], coarse_total += coarse[i];
  if (total <= 0 || coarse_total <= 0) return std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < kept; ++i) {
    if (clipped[i] <= 0) continue;
    const double p = clipped[i] / total, q = std::max(coarse[i] / coarse_total, 1e-12);
    sum += p * std::log(p / q);
  }
  return sum;
}

Range least_divergence_range(const Histogram& histogram, const Range& seen) {
  constexpr std::size_t kMagnitudes = 2048;
  const float most = std::max(-seen.low, seen.high);
  std::vector<double> magnitudes(kMagnitudes, 0.0);
  for (std::size_t b = 0; b < histogram.bins().size(); ++b) {
    if (histogram.bins()[b] == 0) continue;
    const auto place = static_cast<std::size_t>(std::abs(histogram.center(b)) / most * static_cast<float>(kMagnitudes));
    magnitudes[std::min(place, kMagnitudes - 1)] += static_cast<double>(histogram.bins()[b]);
  }
  magnitudes[0] = magnitudes[1];  // zeros are exact at any scale and say nothing of it
  std::size_t best = kMagnitudes;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t kept = 128; kept <= kMagnitudes; kept += 16) {
    if (const double d = divergence(magnitudes, kept); d < least) least = d, best = kept;
  }
  const float limit = most * static_cast<float>(best) / static_cast<float>(kMagnitudes);
  return {std::max(seen.low, -limit), std::min(seen.high, limit)};
}

}  // namespace

std::string_view to_string(RangeMethod method) {
  switch (method) {
    case RangeMethod::kMinMax:
      return "minmax";
    case RangeMethod::kPercentile:
      return "percentile";
    case RangeMethod::kEntropy:
      return "entropy";
    case RangeMethod::kMse:
      return "mse";
  }
  return "minmax";
}

RangeMethod parse_range_method(std::string_view text) {
  std::vector<std::string> names;
  for (const auto method : kRangeMethods) {
    if (to_string(method) == text) return method;
    names.emplace_back(to_string(method));
  }
  throw Error(ErrorCode::kUsage, "'" + std::string(text) + "' is no calibration method" + did_you_mean(text, names),
              "--calibrate", "It is one of minmax, percentile, entropy, mse.");
}

void Histogram::grow(float largest) {
  if (bins_.empty()) {
    bins_.assign(kBins, 0);
    reach_ = largest > 0 ? std::max(largest, kLeastReach) : 1.0F;
    return;
  }
  while (reach_ < largest) {  // two bins become one, from the middle outward
    std::vector<std::uint64_t> wider(kBins, 0);
    for (std::size_t b = 0; b < kBins; ++b) wider[kBins / 4 + b / 2] += bins_[b];
    bins_ = std::move(wider);
    reach_ *= 2;
  }
}

void Histogram::add(std::span<const float> values) {
  float low = std::numeric_limits<float>::max(), high = std::numeric_limits<float>::lowest();
  std::size_t bad = 0;
  for (const float v : values) {
    if (!std::isfinite(v)) {
      ++bad;
      continue;
    }
    low = std::min(low, v);
    high = std::max(high, v);
  }
  not_finite_ += bad;
  if (bad == values.size()) return;
  low_ = count_ > 0 ? std::min(low_, low) : low;
  high_ = count_ > 0 ? std::max(high_, high) : high;
  count_ += values.size() - bad;
  grow(std::min(std::max(-low, high), std::numeric_limits<float>::max() / 4));
  const float inverse = static_cast<float>(kBins) / (2 * reach_);
  const float last = static_cast<float>(kBins - 1);
  for (const float v : values) {
    if (bad > 0 && !std::isfinite(v)) continue;
    ++bins_[static_cast<std::size_t>(std::clamp((v + reach_) * inverse, 0.0F, last))];
  }
}

void Histogram::merge(const Histogram& other) {
  not_finite_ += other.not_finite_;
  if (other.count_ == 0) return;
  if (count_ == 0) {
    const auto bad = not_finite_;
    *this = other;
    not_finite_ = bad;
    return;
  }
  low_ = std::min(low_, other.low_);
  high_ = std::max(high_, other.high_);
  count_ += other.count_;
  grow(other.reach_);
  const float inverse = static_cast<float>(kBins) / (2 * reach_);
  for (std::size_t b = 0; b < kBins; ++b) {
    if (other.bins_[b] == 0) continue;
    const float place = std::clamp((other.center(b) + reach_) * inverse, 0.0F, static_cast<float>(kBins - 1));
    bins_[static_cast<std::size_t>(place)] += other.bins_[b];
  }
}

Range choose_range(const Histogram& histogram, RangeMethod method, bool symmetric) {
  Range seen = with_zero(histogram.seen());
  if (symmetric) seen = both_sides(seen);
  if (histogram.count() == 0 || !(seen.high > seen.low)) return seen;
  Range chosen = seen;
  if (method == RangeMethod::kPercentile) chosen = with_zero(percentile_range(histogram));
  if (method == RangeMethod::kEntropy) chosen = with_zero(least_divergence_range(histogram, seen));
  if (method == RangeMethod::kMse) chosen = least_error_range(histogram, seen, symmetric);
  return symmetric ? both_sides(chosen) : chosen;
}

Grid grid_of(const Range& range, bool symmetric) {
  Grid grid;
  if (symmetric) {
    grid.least = -127;
    grid.most = 127;
    const float most = std::max(-range.low, range.high);
    grid.scale = most > 0 ? most / 127 : 1.0F;
  } else {
    const float extent = range.high - range.low;
    grid.scale = extent > 0 ? extent / 255 : 1.0F;
    grid.zero_point = std::clamp(static_cast<int>(std::lround(-range.low / grid.scale)), 0, 255);
  }
  // Below this a provider's reciprocal is infinite.
  if (!(grid.scale > 1e-30F)) grid.scale = 1e-30F;
  return grid;
}

}  // namespace goshawk::optimize
