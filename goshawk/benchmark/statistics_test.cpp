#include "goshawk/benchmark/statistics.h"

#include <gtest/gtest.h>

#include <random>

namespace goshawk::benchmark {
namespace {

/// 20 rounds of 25 calls around `ms`; `drift[r]` multiplies round r.
Samples around(double ms, unsigned seed, const std::vector<double>& drift = {}, int items = 1) {
  std::mt19937 random(seed);
  std::lognormal_distribution<double> noise(0, 0.05);
  Samples samples;
  samples.items = items;
  for (std::size_t r = 0; r < 20; ++r) {
    Round round;
    for (int i = 0; i < 25; ++i) {
      const double time = ms * noise(random) * (drift.empty() ? 1 : drift[r]);
      round.total.push_back(static_cast<float>(time));
      round.inference.push_back(static_cast<float>(time / 2));
      round.wall_ms += time;
    }
    round.calls = round.total.size();
    round.prepare = round.postprocess = round.inference;
    samples.rounds.push_back(round);
  }
  return samples;
}

TEST(Summarize, EqualsFiguresByHand) {
  Samples samples;
  samples.items = 2;
  samples.rounds = {{{3, 1}, {1, 0}, {1, 1}, {1, 0}, 5, 2}, {{2, 10}, {0, 0}, {1, 1}, {0, 0}, 15, 2}};
  const auto summary = summarize(samples);
  EXPECT_EQ(summary.count, 4U);
  EXPECT_DOUBLE_EQ(summary.mean, 4);
  EXPECT_DOUBLE_EQ(summary.min, 1);
  EXPECT_DOUBLE_EQ(summary.p50, 2.5);
  EXPECT_DOUBLE_EQ(summary.max, 10);
  EXPECT_NEAR(summary.p90, 7.9, 1e-5);  // numpy.percentile([1, 2, 3, 10], 90)
  EXPECT_DOUBLE_EQ(summarize(samples, Stage::kPrepare).total, 1);
  EXPECT_DOUBLE_EQ(throughput(samples), 4 * 2 * 1000.0 / 20);
}

TEST(Median, IntervalHoldsTheTruthInAboutAsManyCasesAsItSays) {
  int held = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    const Interval interval = median(around(5, seed), Stage::kTotal, {200, seed});
    held += interval.low <= 5 && 5 <= interval.high ? 1 : 0;
  }
  EXPECT_GE(held, 176);  // 95 %; the bootstrap over 20 rounds is known to come out a little narrow
  EXPECT_LT(held, 200);
}

TEST(SpeedUp, IsTheRatioOfMediansAndItsIntervalExcludesOneWhereThereIsADifference) {
  const Interval interval = speed_up(around(6, 1), around(4, 2), true);
  EXPECT_NEAR(interval.value, 1.5, 0.02);
  EXPECT_GT(interval.low, 1.45);
  EXPECT_LT(interval.high, 1.55);
}

TEST(SpeedUp, OfEqualsHoldsOne) {
  int held = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    const Interval interval = speed_up(around(5, seed), around(5, seed + 1000), true, Stage::kTotal, {200, seed});
    held += interval.low <= 1 && 1 <= interval.high ? 1 : 0;
  }
  EXPECT_GE(held, 32);
}

TEST(SpeedUp, WhatTheMachineDidToBothCancelsOutInOneRun) {
  std::vector<double> drift;
  for (int r = 0; r < 20; ++r) drift.push_back(r % 3 == 0 ? 2.0 : 1.0);
  const auto base = around(5, 1, drift), other = around(4.8, 2, drift);
  const Interval together = speed_up(base, other, true), apart = speed_up(base, other, false);
  EXPECT_LT(together.high - together.low, (apart.high - apart.low) / 2);
}

TEST(SpeedUp, CountsImagesNotCalls) { EXPECT_NEAR(speed_up(around(5, 1), around(10, 2, {}, 4), true).value, 2, 0.05); }

TEST(Best, IsTheSmallestBatchThatIsAsGood) {
  // One image: 5 ms. Two: 4 ms an image. Four: the same as two. Eight: slower again.
  const std::vector<Samples> batches{around(5, 1), around(8, 2, {}, 2), around(16.01, 3, {}, 4), around(40, 4, {}, 8)};
  EXPECT_EQ(best_throughput(batches, true), 1U);
}

TEST(Best, LatencyIsThatOfACallAndNotOfAnImage) {
  const std::vector<Samples> batches{around(10, 1, {}, 16), around(7, 2)};
  EXPECT_EQ(best_latency(batches, true), 1U);
  EXPECT_EQ(best_throughput(batches, true), 0U);
}

TEST(Best, IsALaterOneThatIsClearlyFaster) {
  EXPECT_EQ(best_latency({around(5, 1), around(4.99, 2), around(4, 3)}, true), 2U);
  EXPECT_EQ(best_latency({around(5, 1)}, true), 0U);
}

}  // namespace
}  // namespace goshawk::benchmark
