#include "goshawk/core/latency.h"

#include <gtest/gtest.h>

namespace goshawk {
namespace {

using std::chrono::milliseconds;

TEST(Percentile, IsNumpysLinearOne) {
  EXPECT_DOUBLE_EQ(percentile({1, 2, 3, 4}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(percentile({1, 2, 3, 4}, 0.9), 3.7);
  EXPECT_DOUBLE_EQ(percentile({7}, 0.99), 7);
  EXPECT_DOUBLE_EQ(percentile({}, 0.5), 0);
}

TEST(LatencyRecorder, StaysExactInCountTotalAndRangeBeyondItsSample) {
  LatencyRecorder recorder;
  for (int i = 1; i <= 200'000; ++i) recorder.add(milliseconds(i % 1000));
  const LatencySummary summary = recorder.summary();
  EXPECT_EQ(summary.count, 200'000U);
  EXPECT_DOUBLE_EQ(summary.mean, 499.5);
  EXPECT_DOUBLE_EQ(summary.min, 0);
  EXPECT_DOUBLE_EQ(summary.max, 999);
  EXPECT_NEAR(summary.p50, 499.5, 15);
  EXPECT_NEAR(summary.p95, 949, 15);
}

}  // namespace
}  // namespace goshawk
