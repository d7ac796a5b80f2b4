#include "goshawk/core/random.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

namespace goshawk {
namespace {

// The reference implementation (S. Vigna, splitmix64.c) gives these for the seed 1234567.
TEST(Random, GivesTheNumbersOfTheReference) {
  Random random(1234567);
  for (const std::uint64_t expected : {6457827717110365317ULL, 3203168211198807973ULL, 9817491932198370423ULL,
                                       4593380528125082431ULL, 16408922859458223821ULL}) {
    EXPECT_EQ(random.next(), expected);
  }
}

TEST(Random, BelowIsUniform) {
  Random random(7);
  std::array<int, 5> counts{};
  for (int i = 0; i < 50'000; ++i) ++counts[random.below(5)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 450);  // five standard deviations
  EXPECT_EQ(random.below(1), 0U);
}

TEST(Random, ShuffleKeepsEveryItemAndPutsEachEverywhere) {
  Random random(8);
  std::array<std::array<int, 4>, 4> places{};
  for (int i = 0; i < 20'000; ++i) {
    std::vector<int> items(4);
    std::iota(items.begin(), items.end(), 0);
    random.shuffle(items);
    for (std::size_t place = 0; place < 4; ++place) ++places[static_cast<std::size_t>(items[place])][place];
  }
  for (const auto& item : places) {
    for (const int count : item) EXPECT_NEAR(count, 5'000, 310);
  }
}

}  // namespace
}  // namespace goshawk
