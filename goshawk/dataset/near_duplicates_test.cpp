#include "goshawk/dataset/near_duplicates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <tuple>

#include "goshawk/core/error.h"
#include "goshawk/core/random.h"

namespace goshawk::dataset {
namespace {

/// Random hashes, of which many are near others.
std::vector<std::uint64_t> random_hashes(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::uint64_t> hashes;
  while (hashes.size() < count) {
    if (hashes.empty() || random.below(3) == 0) {
      hashes.push_back(random.next());
      continue;
    }
    std::uint64_t hash = hashes[random.below(hashes.size())];
    for (std::uint64_t flips = random.below(20); flips > 0; --flips) hash ^= 1ULL << random.below(64);
    hashes.push_back(hash);
  }
  return hashes;
}

std::vector<NearPair> plain_pairs(const std::vector<std::uint64_t>& hashes, int max_distance,
                                  const std::vector<std::uint8_t>& parts = {}) {
  std::vector<NearPair> pairs;
  for (std::uint32_t a = 0; a < hashes.size(); ++a) {
    for (std::uint32_t b = a + 1; b < hashes.size(); ++b) {
      const int distance = hash_distance(hashes[a], hashes[b]);
      if (distance <= max_distance && (parts.empty() || parts[a] != parts[b])) pairs.push_back({a, b, distance});
    }
  }
  std::sort(pairs.begin(), pairs.end(), [](const NearPair& x, const NearPair& y) {
    return std::tie(x.distance, x.a, x.b) < std::tie(y.distance, y.a, y.b);
  });
  return pairs;
}

TEST(NearDuplicates, FindsWhatComparingAllWithAllFinds) {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const auto hashes = random_hashes(700, seed);
    for (int distance = 0; distance <= kMostHashDistance; ++distance) {
      const auto found = find_near_pairs(hashes, distance, 1'000'000);
      const auto expected = plain_pairs(hashes, distance);
      EXPECT_EQ(found.pairs, expected) << "seed " << seed << " distance " << distance;
      EXPECT_EQ(found.total, expected.size());
    }
  }
}

TEST(NearDuplicates, FindsPairsOfDifferentParts) {
  const auto hashes = random_hashes(600, 11);
  Random random(12);
  std::vector<std::uint8_t> parts;
  for (std::size_t i = 0; i < hashes.size(); ++i) parts.push_back(static_cast<std::uint8_t>(random.below(3)));
  const auto expected = plain_pairs(hashes, 6, parts);
  const auto found = find_near_pairs(hashes, 6, 1'000'000, parts);
  EXPECT_EQ(found.pairs, expected);
  EXPECT_EQ(found.total, expected.size());
  const auto nearest = find_near_pairs(hashes, 6, 5, parts);
  EXPECT_EQ(nearest.pairs, std::vector<NearPair>(expected.begin(), expected.begin() + 5));
  EXPECT_EQ(nearest.total, expected.size());
}

TEST(NearDuplicates, GroupsAreChainsOfNearPairs) {
  const auto hashes = random_hashes(500, 21);
  const auto groups = near_duplicate_groups(hashes, 5);
  std::vector<std::uint32_t> expected(hashes.size());
  for (std::uint32_t i = 0; i < hashes.size(); ++i) expected[i] = i;
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& pair : plain_pairs(hashes, 5)) {
      const auto first = std::min(expected[pair.a], expected[pair.b]);
      changed |= expected[pair.a] != first || expected[pair.b] != first;
      expected[pair.a] = expected[pair.b] = first;
    }
  }
  EXPECT_EQ(groups, expected);
}

TEST(NearDuplicates, AHundredThousandTakeNoSquareOfTime) {
  auto hashes = random_hashes(60'000, 31);
  hashes.resize(100'000, hashes.front());  // 40,000 copies of one
  const auto begun = std::chrono::steady_clock::now();
  const auto groups = near_duplicate_groups(hashes, kNearHashDistance);
  const auto pairs = find_near_pairs(hashes, kNearHashDistance, 100);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20));  // all with all would be 5 billion, twice
  EXPECT_EQ(groups[99'999], groups[0]);
  EXPECT_EQ(pairs.pairs.size(), 100U);
  EXPECT_GE(pairs.total, 40'000ULL * 39'999 / 2);
}

TEST(NearDuplicates, NothingGivesNothing) {
  EXPECT_TRUE(find_near_pairs({}, 6, 10).pairs.empty());
  EXPECT_TRUE(near_duplicate_groups({}, 6).empty());
}

TEST(HashImages, TellsWhatCannotBeReadAndStops) {
  std::vector<std::filesystem::path> images;
  for (int i = 0; i < 40; ++i) images.push_back(std::to_string(i));
  const ImageReader read = [](const std::filesystem::path& path) {
    if (path == "7") throw Error(ErrorCode::kBadData, "damaged");
    return cv::Mat(20 + std::stoi(path.string()), 30, CV_8UC3, cv::Scalar(1, 2, 3));
  };
  std::int64_t last = 0;
  const auto result = hash_images(images, read, {}, [&](std::int64_t done) { last = done; });
  EXPECT_EQ(last, 40);
  ASSERT_EQ(result.unreadable.size(), 1U);
  EXPECT_EQ(result.unreadable[0].first, 7U);
  EXPECT_EQ(result.unreadable[0].second, "damaged");
  EXPECT_FALSE(result.hashes[7]);
  EXPECT_EQ(result.hashes[0], perceptual_hash(read("0")));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(hash_images(images, read, stop.get_token()), Error);
}

}  // namespace
}  // namespace goshawk::dataset
