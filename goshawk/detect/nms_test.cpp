#include "goshawk/detect/nms.h"

#include <gtest/gtest.h>

#include <random>

namespace goshawk::detect {
namespace {

Candidate at(float x, float score, int class_id = 0) { return {{x, 0, x + 10, 10}, score, class_id}; }

/// The definition, written the slow way: the best remaining one removes what it overlaps.
std::vector<Candidate> slow(std::vector<Candidate> rest, float threshold, std::size_t limit, NmsClasses classes) {
  std::stable_sort(rest.begin(), rest.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
  std::vector<Candidate> kept;
  while (!rest.empty()) {
    const Candidate best = rest.front();
    kept.push_back(best);
    std::erase_if(rest, [&](const Candidate& other) {
      return &other == &rest.front() ||
             ((classes == NmsClasses::kTogether || other.class_id == best.class_id) && iou(other.box, best.box) > threshold);
    });
  }
  if (kept.size() > limit) kept.resize(limit);
  return kept;
}

TEST(Suppress, KeepsTheBestOfOverlappingBoxesOfAClass) {
  std::vector<Candidate> candidates = {at(0, 0.5F), at(1, 0.9F), at(1, 0.8F, 1), at(30, 0.3F)};
  suppress(candidates, 0.5F, 300);
  EXPECT_EQ(candidates, (std::vector<Candidate>{at(1, 0.9F), at(1, 0.8F, 1), at(30, 0.3F)}));
}

TEST(Suppress, KeepsABoxWhoseOverlapEqualsTheThreshold) {
  std::vector<Candidate> candidates = {{{0, 0, 10, 10}, 0.9F, 0}, {{0, 0, 10, 5}, 0.8F, 0}};
  suppress(candidates, 0.5F, 300);
  EXPECT_EQ(candidates.size(), 2U);
}

TEST(Suppress, KeepsTheFirstOfEqualScores) {
  std::vector<Candidate> candidates = {at(1, 0.5F), at(0, 0.5F)};
  suppress(candidates, 0.5F, 300);
  EXPECT_EQ(candidates, (std::vector<Candidate>{at(1, 0.5F)}));
}

TEST(Suppress, StopsAtTheLimit) {
  std::vector<Candidate> candidates;
  for (int i = 0; i < 50; ++i) candidates.push_back(at(static_cast<float>(i) * 20, 0.5F));
  suppress(candidates, 0.5F, 7);
  EXPECT_EQ(candidates.size(), 7U);
  suppress(candidates, 0.5F, 0);
  EXPECT_TRUE(candidates.empty());
}

TEST(Suppress, BoxesWithoutAreaSuppressNothing) {
  std::vector<Candidate> candidates = {{{5, 5, 5, 5}, 0.9F, 0}, {{5, 5, 5, 5}, 0.8F, 0}, {{9, 9, 5, 5}, 0.7F, 0}};
  suppress(candidates, 0.0F, 300);
  EXPECT_EQ(candidates.size(), 3U);
}

TEST(Suppress, EqualsTheSlowDefinitionOnRandomBoxes) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> place(0, 60), side(1, 40), score(0, 1);
    std::vector<Candidate> candidates;
    for (int i = 0; i < 300; ++i) {
      const float x = place(random), y = place(random);
      candidates.push_back({{x, y, x + side(random), y + side(random)}, std::round(score(random) * 50) / 50, i % 3});
    }
    for (const auto classes : {NmsClasses::kApart, NmsClasses::kTogether}) {
      auto kept = candidates;
      suppress(kept, 0.4F, 40, classes);
      EXPECT_EQ(kept, slow(candidates, 0.4F, 40, classes));
    }
  }
}

}  // namespace
}  // namespace goshawk::detect
