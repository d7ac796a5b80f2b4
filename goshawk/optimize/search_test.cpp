#include "goshawk/optimize/search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace goshawk::optimize {
namespace {

Way way(const std::string& name, double ap, double ms, double low) {
  Way made;
  made.name = name;
  made.accuracy = {ap, ap};
  made.latency_ms = ms;
  made.speed_up = {20 / ms, low, 20 / ms + 0.1};
  made.measured = true;
  return made;
}

TEST(Decide, TakesTheFastestWithinTheDropAndSaysWhyNotTheOthers) {
  std::vector<Way> ways{way("original", 0.330, 20, 1), way("slower", 0.335, 25, 0.7), way("lossy", 0.310, 5, 3.5),
                        way("good", 0.325, 8, 2.2), way("safe", 0.331, 12, 1.5)};
  ways.push_back({});
  ways.back().name = "broken";
  EXPECT_EQ(decide(ways, 1.0, 1.0), 3U);
  EXPECT_THAT(ways[1].refused, ::testing::HasSubstr("slower here"));
  EXPECT_THAT(ways[2].refused, ::testing::HasSubstr("2.00 points"));
  EXPECT_EQ(ways[3].refused, "");
  EXPECT_THAT(ways[4].refused, ::testing::HasSubstr("12.00 ms against 8.00 ms"));
  EXPECT_THAT(ways[5].refused, ::testing::HasSubstr("not measured"));
  EXPECT_TRUE(ways[1].on_front);   // the most accurate
  EXPECT_TRUE(ways[2].on_front);   // the fastest
  EXPECT_FALSE(ways[0].on_front);  // "safe" is faster and more accurate
}

TEST(Decide, NothingPassesWhereNothingIsSurelyFaster) {
  std::vector<Way> ways{way("original", 0.33, 20, 1), way("maybe", 0.33, 19, 0.98)};
  EXPECT_EQ(decide(ways, 1.0, 1.0), std::nullopt);
  EXPECT_THAT(ways[1].refused, ::testing::HasSubstr("not surely faster"));
}

}  // namespace
}  // namespace goshawk::optimize
