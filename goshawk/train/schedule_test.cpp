#include "goshawk/train/schedule.h"

#include <gtest/gtest.h>

namespace goshawk::train {
namespace {

TEST(Schedule, WarmsUpThenFallsInALine) {
  const ScheduleOptions options;
  EXPECT_DOUBLE_EQ(rates_at(options, 0, 100, 10).weights, 0);
  EXPECT_DOUBLE_EQ(rates_at(options, 0, 100, 10).biases, 0.1);
  EXPECT_DOUBLE_EQ(rates_at(options, 0, 100, 10).momentum, 0.8);
  EXPECT_NEAR(rates_at(options, 150, 100, 10).weights, 0.5 * 0.01 * (0.9 * 0.99 + 0.01), 1e-12);
  EXPECT_NEAR(rates_at(options, 500, 100, 10).weights, 0.01 * (0.5 * 0.99 + 0.01), 1e-12);
  EXPECT_DOUBLE_EQ(rates_at(options, 500, 100, 10).momentum, 0.937);
  EXPECT_NEAR(rates_at(options, 999, 100, 10).weights, 0.01 * (0.1 * 0.99 + 0.01), 1e-12);
}

TEST(Schedule, CosineAndStepsHaveTheirShapes) {
  ScheduleOptions options;
  options.warmup_epochs = 0;
  options.decay = Decay::kCosine;
  EXPECT_NEAR(rates_at(options, 0, 10, 10).weights, 0.01, 1e-12);
  EXPECT_NEAR(rates_at(options, 50, 10, 10).weights, 0.01 * 0.505, 1e-12);
  options.decay = Decay::kStep;
  EXPECT_NEAR(rates_at(options, 29, 10, 10).weights, 0.01, 1e-12);
  EXPECT_NEAR(rates_at(options, 30, 10, 10).weights, 0.001, 1e-12);
  EXPECT_NEAR(rates_at(options, 99, 10, 10).weights, 0.0001, 1e-12);
}

TEST(Schedule, SmallSetsWarmUpForAHundredSteps) {
  EXPECT_LT(rates_at({}, 50, 4, 100).weights, rates_at({}, 101, 4, 100).weights);
  EXPECT_EQ(accumulation_at({}, 0, 4, 16, 64), 1);
  EXPECT_EQ(accumulation_at({}, 50, 4, 16, 64), 3);
  EXPECT_EQ(accumulation_at({}, 200, 4, 16, 64), 4);
  EXPECT_EQ(accumulation_at({}, 200, 4, 128, 64), 1);
}

}  // namespace
}  // namespace goshawk::train
