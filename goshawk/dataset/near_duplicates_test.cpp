#include "goshawk/dataset/near_duplicates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <tuple>

#include "goshawk/core/error.h"
#include "goshawk/core/random.h"

namespace goshawk::dataset {
namespace {

PictureHash random_hash(Random& random) {
  const std::uint64_t plain = random.next();
  return {plain, random.next()};
}

/// Random hashes, of which many are near others, some of them in a mirror.
std::vector<PictureHash> random_hashes(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<PictureHash> hashes;
  while (hashes.size() < count) {
    if (hashes.empty() || random.below(3) == 0) {
      hashes.push_back(random_hash(random));
      continue;
    }
    PictureHash hash = hashes[random.below(hashes.size())];
    for (std::uint64_t flips = random.below(20); flips > 0; --flips) hash.plain ^= 1ULL << random.below(64);
    for (std::uint64_t flips = random.below(3); flips > 0; --flips) hash.mirrored ^= 1ULL << random.below(64);
    if (random.below(4) == 0) std::swap(hash.plain, hash.mirrored);
    hashes.push_back(hash);
  }
  return hashes;
}

/// All with all.
std::vector<NearPair> plain_nearest(const std::vector<PictureHash>& hashes, int max_distance,
                                    const std::vector<std::uint8_t>& parts = {}) {
  std::vector<std::size_t> first;  // of those with an equal hash
  for (const auto& hash : hashes) {
    first.push_back(static_cast<std::size_t>(std::find(hashes.begin(), hashes.end(), hash) - hashes.begin()));
  }
  std::vector<NearPair> pairs;
  for (std::uint32_t i = 0; i < hashes.size(); ++i) {
    std::vector<NearPair> near;
    for (std::uint32_t k = 0; k < hashes.size(); ++k) {
      // Of two equal items with their like before them, the one that stands there.
      if (std::tuple(first[k], k) >= std::tuple(first[i], i)) continue;
      const int distance = hash_distance(hashes[i], hashes[k]);
      const bool across = !parts.empty() && parts[i] != parts[k] && parts[i] != 0 && parts[k] != 0;
      if (distance <= max_distance) near.push_back({i, k, distance, across});
    }
    if (near.empty()) continue;
    pairs.push_back(*std::ranges::min_element(
        near, {}, [](const NearPair& pair) { return std::tuple(!pair.across, pair.distance, pair.other); }));
  }
  std::ranges::sort(pairs, {}, [](const NearPair& pair) { return std::tuple(!pair.across, pair.distance, pair.item); });
  return pairs;
}

TEST(NearDuplicates, FindsWhatComparingAllWithAllFinds) {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const auto hashes = random_hashes(700, seed);
    for (int distance = 0; distance <= kMostHashDistance; ++distance)
      EXPECT_EQ(nearest_before(hashes, distance), plain_nearest(hashes, distance))
          << "seed " << seed << " distance " << distance;
  }
}

TEST(NearDuplicates, PrefersOtherParts) {
  for (std::uint64_t seed = 11; seed < 14; ++seed) {
    const auto hashes = random_hashes(600, seed);
    Random random(seed + 100);
    std::vector<std::uint8_t> parts;
    for (std::size_t i = 0; i < hashes.size(); ++i) parts.push_back(static_cast<std::uint8_t>(random.below(4)));
    const auto found = nearest_before(hashes, 6, parts);
    EXPECT_EQ(found, plain_nearest(hashes, 6, parts)) << "seed " << seed;
    EXPECT_TRUE(found.front().across);
  }
}

TEST(NearDuplicates, GroupsAreChainsOfNearPairs) {
  const auto hashes = random_hashes(500, 21);
  const auto groups = near_duplicate_groups(hashes, 5);
  std::vector<std::uint32_t> expected(hashes.size());
  for (std::uint32_t i = 0; i < hashes.size(); ++i) expected[i] = i;
  for (bool changed = true; changed;) {
    changed = false;
    for (std::uint32_t a = 0; a < hashes.size(); ++a) {
      for (std::uint32_t b = 0; b < a; ++b) {
        if (hash_distance(hashes[a], hashes[b]) > 5) continue;
        const auto first = std::min(expected[a], expected[b]);
        changed |= expected[a] != first || expected[b] != first;
        expected[a] = expected[b] = first;
      }
    }
  }
  EXPECT_EQ(groups, expected);
}

TEST(NearDuplicates, AHundredThousandTakeNoSquareOfTime) {
  auto hashes = random_hashes(60'000, 31);
  hashes.resize(100'000, hashes.front());  // 40,000 copies of one
  const auto begun = std::chrono::steady_clock::now();
  const auto groups = near_duplicate_groups(hashes, kNearHashDistance);
  const auto pairs = nearest_before(hashes, kNearHashDistance);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20));  // all with all would be 5 billion, twice
  EXPECT_EQ(groups[99'999], groups[0]);
  EXPECT_GE(pairs.size(), 40'000U);
  EXPECT_LT(pairs.size(), hashes.size());
}

/// A fixed camera: one scene, of which each picture is a little different.
std::vector<PictureHash> one_scene(std::size_t count) {
  Random random(41);
  const PictureHash scene = random_hash(random);
  std::vector<PictureHash> hashes;
  while (hashes.size() < count) {
    PictureHash hash = scene;
    for (int i = 0; i < 3; ++i) {
      hash.plain ^= 1ULL << random.below(64);
      hash.mirrored ^= 1ULL << random.below(64);
    }
    hashes.push_back(hash);
  }
  return hashes;
}

TEST(NearDuplicates, OneSceneTakesSecondsAndEachPictureIsThereOnce) {
  const auto hashes = one_scene(10'000);
  std::vector<std::uint8_t> parts;
  for (std::size_t i = 0; i < hashes.size(); ++i) parts.push_back(i % 5 == 0 ? 2 : 1);
  const std::clock_t begun = std::clock();
  const auto pairs = nearest_before(hashes, kNearHashDistance, parts);
  EXPECT_LT((std::clock() - begun) / CLOCKS_PER_SEC, 20) << "seconds of the processor; there are 50 million pairs";
  EXPECT_EQ(pairs.size(), hashes.size() - 1);
}

TEST(NearDuplicates, StopsWhenAsked) {
  const auto hashes = one_scene(100);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(nearest_before(hashes, 6, {}, stop.get_token()), Error);
  EXPECT_THROW(near_duplicate_groups(hashes, 6, stop.get_token()), Error);
}

TEST(NearDuplicates, NothingGivesNothing) {
  EXPECT_TRUE(nearest_before({}, 6).empty());
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
