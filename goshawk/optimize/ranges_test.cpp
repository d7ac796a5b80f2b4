#include "goshawk/optimize/ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "goshawk/core/error.h"
#include "goshawk/optimize/testing.h"

namespace goshawk::optimize {
namespace {

using testing::normal_values;

TEST(Histogram, HoldsValuesThatAreNearlyNothing) {
  Histogram histogram;
  histogram.add(std::vector<float>{-1e-37F, -2e-38F, 0});
  const auto& bins = histogram.bins();
  EXPECT_EQ(bins[Histogram::kBins / 2 - 1] + bins[Histogram::kBins / 2], 3U) << "all in the middle, where zero is";
}

TEST(Histogram, HoldsWhatCameInAnyOrder) {
  Histogram small_first, large_first;
  const auto small = normal_values(10'000, 1), large = normal_values(1'000, 100);
  small_first.add(small);
  small_first.add(large);
  large_first.add(large);
  large_first.add(small);
  for (const auto* h : {&small_first, &large_first}) {
    EXPECT_EQ(h->count(), 11'000U);
    std::uint64_t sum = 0;
    for (const auto n : h->bins()) sum += n;
    EXPECT_EQ(sum, 11'000U);
    EXPECT_EQ(h->seen().high, *std::max_element(large.begin(), large.end()));
  }
  Histogram bad;
  bad.add(std::vector<float>{NAN, INFINITY, 2.0F});
  EXPECT_EQ(bad.not_finite(), 2U);
  EXPECT_EQ(bad.seen(), (Range{2, 2}));
}

TEST(Ranges, MseEqualsAPlainSearchOverAllValues) {
  // Mostly small values and a few far out: the least error clips.
  auto values = normal_values(20'000, 1);
  values.push_back(40);
  Histogram histogram;
  histogram.add(values);
  const auto error_of = [&](const Grid& grid) {
    double sum = 0;
    for (const float v : values) {
      const float q = std::clamp(std::nearbyint(v / grid.scale) + static_cast<float>(grid.zero_point),
                                 static_cast<float>(grid.least), static_cast<float>(grid.most));
      const double d = static_cast<double>(v) - static_cast<double>(grid.scale * (q - static_cast<float>(grid.zero_point)));
      sum += d * d;
    }
    return sum;
  };
  for (const bool symmetric : {false, true}) {
    const Range all = choose_range(histogram, RangeMethod::kMinMax, symmetric),
                best = choose_range(histogram, RangeMethod::kMse, symmetric);
    EXPECT_LT(best.high, all.high);
    double least = error_of(grid_of(all, symmetric));
    for (int h = 1; h <= 40; ++h) {
      for (int l = symmetric ? 40 : 1; l <= 40; ++l) {
        const Range range{symmetric ? -all.high * static_cast<float>(h) / 40 : all.low * static_cast<float>(l) / 40,
                          all.high * static_cast<float>(h) / 40};
        least = std::min(least, error_of(grid_of(range, symmetric)));
      }
    }
    EXPECT_LE(error_of(grid_of(best, symmetric)), 1.1 * least) << symmetric;
  }
}

TEST(Ranges, EveryMethodHoldsZeroAndStaysWithinWhatWasSeen) {
  for (const float mean : {-5.0F, 0.0F, 5.0F}) {
    Histogram histogram;
    histogram.add(normal_values(5'000, 1, mean));
    const Range seen = histogram.seen();
    for (const auto method : kRangeMethods) {
      const Range range = choose_range(histogram, method, false);
      EXPECT_LE(range.low, 0) << to_string(method);
      EXPECT_GE(range.high, 0) << to_string(method);
      EXPECT_GE(range.low, std::min(0.0F, seen.low) - 1e-5F) << to_string(method);
      EXPECT_LE(range.high, std::max(0.0F, seen.high) + 1e-5F) << to_string(method);
      EXPECT_EQ(parse_range_method(to_string(method)), method);
    }
  }
  EXPECT_EQ(choose_range(Histogram(), RangeMethod::kEntropy, false), (Range{0, 0}));
  EXPECT_THROW(parse_range_method("minmx"), Error);
}

TEST(Ranges, ZeroIsExactInEveryGrid) {
  for (const Range range : {Range{-0.278F, 7.3F}, Range{0, 1}, Range{-3, 0}, Range{0, 0}}) {
    const Grid grid = grid_of(range, false);
    EXPECT_GE(grid.zero_point, 0);
    EXPECT_LE(grid.zero_point, 255);
    EXPECT_GT(grid.scale, 0);
    EXPECT_EQ(grid_of(range, true).zero_point, 0);
  }
}

}  // namespace
}  // namespace goshawk::optimize
