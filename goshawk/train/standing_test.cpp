#include "goshawk/train/standing.h"

#include <gtest/gtest.h>

namespace goshawk::train {
namespace {

TEST(Standing, TheFirstOfTheBestCounts) {
  Standing standing;
  EXPECT_TRUE(standing.add(0.2, false));
  EXPECT_FALSE(standing.add(0.2, false));
  EXPECT_TRUE(standing.add(0.3, false));
  EXPECT_FALSE(standing.add(0.1, true));
  EXPECT_EQ(standing, (Standing{4, 3, 0.3}));
}

TEST(Standing, AsLongAsNothingIsFoundTheLatestIsTheBestAndPatienceWaits) {
  Standing standing;
  for (int epoch = 1; epoch <= 5; ++epoch) {
    EXPECT_TRUE(standing.add(0.0, false));
    EXPECT_FALSE(standing.out_of_patience(2));
  }
  EXPECT_TRUE(standing.add(0.01, false));
  EXPECT_FALSE(standing.add(0.0, false));
  EXPECT_FALSE(standing.out_of_patience(2));
  EXPECT_FALSE(standing.add(0.0, false));
  EXPECT_TRUE(standing.out_of_patience(2));
  EXPECT_FALSE(standing.out_of_patience(0));
  EXPECT_EQ(standing.best_epoch, 6);
}

TEST(Standing, WithoutJudgingTheLastIsTheBest) {
  Standing standing;
  EXPECT_FALSE(standing.add(std::nullopt, false));
  EXPECT_TRUE(standing.add(std::nullopt, true));
  EXPECT_EQ(standing, (Standing{2, 2, 0}));
}

}  // namespace
}  // namespace goshawk::train
