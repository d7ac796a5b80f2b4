// From the values that were seen to the range that eight bits shall cover.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace goshawk::optimize {

/// How the range of an activation is chosen.
enum class RangeMethod {
  kMinMax,      // everything that was seen
  kPercentile,  // all but one value in 10,000 on either side
  kEntropy,     // least Kullback-Leibler divergence of the quantized distribution (Migacz, "8-bit inference with TensorRT",
                // 2017)
  kMse,         // least mean squared error of the values
};
inline constexpr RangeMethod kRangeMethods[] = {RangeMethod::kMinMax, RangeMethod::kPercentile, RangeMethod::kEntropy,
                                                RangeMethod::kMse};
std::string_view to_string(RangeMethod method);
/// "minmax", "percentile", "entropy", "mse". Throws Error{kUsage}.
RangeMethod parse_range_method(std::string_view text);

struct Range {
  float low = 0, high = 0;
  bool operator==(const Range&) const = default;
};

/// Counts of values between -reach and +reach, which grows by doubling as larger ones come. Not thread-safe.
class Histogram {
 public:
  static constexpr std::size_t kBins = 8192;  // even

  /// Values that are not finite are counted apart and change nothing else.
  void add(std::span<const float> values);
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  std::uint64_t not_finite() const { return not_finite_; }
  /// What was seen; {0, 0} when there was nothing.
  Range seen() const { return count_ > 0 ? Range{low_, high_} : Range{}; }
  const std::vector<std::uint64_t>& bins() const { return bins_; }
  float width() const { return 2 * reach_ / static_cast<float>(kBins); }
  float center(std::size_t bin) const { return -reach_ + (static_cast<float>(bin) + 0.5F) * width(); }

 private:
  void grow(float largest);

  std::vector<std::uint64_t> bins_;
  float reach_ = 0, low_ = 0, high_ = 0;
  std::uint64_t count_ = 0, not_finite_ = 0;
};

/// The range for these values; it always holds 0. `symmetric`: -low equals high.
Range choose_range(const Histogram& histogram, RangeMethod method, bool symmetric);

/// value = scale * (q - zero_point).
struct Grid {
  float scale = 1;
  int zero_point = 0;
  int least = 0, most = 255;  // of q
  bool operator==(const Grid&) const = default;
};

/// uint8 over the whole range, or (symmetric) int8 from -127 to 127 with zero point 0. A range without extent gets scale 1.
Grid grid_of(const Range& range, bool symmetric);

}  // namespace goshawk::optimize
