#include "goshawk/train/assignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

namespace goshawk::train {
namespace {

constexpr std::array kStrides{8, 16};

TEST(Anchors, LieInTheMiddleOfTheirCells) {
  const auto anchors = make_anchors(32, 16, kStrides);
  ASSERT_EQ(anchors.size(), 4U * 2 + 2 * 1);
  EXPECT_EQ(anchors[1].x, 12);
  EXPECT_EQ(anchors[4].y, 12);
  EXPECT_EQ(anchors[9].x, 24);
  EXPECT_EQ(anchors[9].stride, 16);
}

TEST(CompleteIou, HasItsKnownValues) {
  EXPECT_NEAR(complete_iou({0, 0, 10, 10}, {0, 0, 10, 10}), 1.0F, 1e-5F);
  // Overlap 1/3; centres 5 apart, diagonal of the hull squared 325; same shape.
  EXPECT_NEAR(complete_iou({0, 0, 10, 10}, {5, 0, 15, 10}), 1.0F / 3 - 25.0F / 325, 1e-5F);
  EXPECT_LT(complete_iou({0, 0, 10, 10}, {100, 100, 110, 110}), -0.5F);
}

/// The paper's definition as matrices over all objects and anchors, without any shortcut.
std::vector<Match> plain_assign(const std::vector<Anchor>& anchors, const Prediction& p,
                                const std::vector<Target>& targets) {
  const std::size_t n = targets.size(), a = anchors.size();
  std::vector<std::vector<double>> alignment(n, std::vector<double>(a)), overlap = alignment;
  std::vector<std::vector<bool>> positive(n, std::vector<bool>(a));
  for (std::size_t t = 0; t < n; ++t) {
    std::vector<std::size_t> inside;
    for (std::size_t i = 0; i < a; ++i) {
      const Box& b = targets[t].box;
      if (anchors[i].x <= b.x1 || anchors[i].x >= b.x2 || anchors[i].y <= b.y1 || anchors[i].y >= b.y2) continue;
      overlap[t][i] = std::max(0.0F, complete_iou(b, p.boxes[i]));
      const float score = p.scores[i * static_cast<std::size_t>(p.classes) + static_cast<std::size_t>(targets[t].class_id)];
      alignment[t][i] = std::sqrt(static_cast<double>(score)) * std::pow(overlap[t][i], 6);
      inside.push_back(i);
    }
    std::stable_sort(inside.begin(), inside.end(), [&](auto x, auto y) { return alignment[t][x] > alignment[t][y]; });
    for (std::size_t k = 0; k < std::min<std::size_t>(10, inside.size()); ++k) positive[t][inside[k]] = true;
  }
  std::vector<int> owner(a, -1);
  for (std::size_t i = 0; i < a; ++i) {
    for (std::size_t t = 0; t < n; ++t) {
      if (positive[t][i] && (owner[i] < 0 || overlap[t][i] > overlap[static_cast<std::size_t>(owner[i])][i]))
        owner[i] = static_cast<int>(t);
    }
  }
  std::vector<Match> matches;
  for (std::size_t i = 0; i < a; ++i) {
    if (owner[i] < 0) continue;
    const auto t = static_cast<std::size_t>(owner[i]);
    double most_aligned = 0, most_overlap = 0;
    for (std::size_t j = 0; j < a; ++j) {
      if (owner[j] != owner[i]) continue;
      most_aligned = std::max(most_aligned, alignment[t][j]);
      most_overlap = std::max(most_overlap, overlap[t][j]);
    }
    matches.push_back({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(t),
                       static_cast<float>(alignment[t][i] * most_overlap / (most_aligned + 1e-9))});
  }
  return matches;
}

TEST(Assignment, AgreesWithThePlainDefinition) {
  const auto anchors = make_anchors(96, 64, kStrides);
  for (unsigned seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> unit(0, 1);
    const int classes = 3;
    std::vector<float> scores(anchors.size() * classes);
    for (auto& s : scores) s = unit(random);
    std::vector<Box> boxes;
    for (const auto& anchor : anchors) {
      const float w = anchor.stride * 4 * unit(random), h = anchor.stride * 4 * unit(random);
      boxes.push_back({anchor.x - w, anchor.y - h, anchor.x + w, anchor.y + h});
    }
    std::vector<Target> targets;
    for (unsigned t = 0; t < seed % 7; ++t) {
      const float x = 80 * unit(random), y = 50 * unit(random);
      targets.push_back({{x, y, x + 60 * unit(random), y + 40 * unit(random)}, static_cast<int>(random() % classes)});
    }
    const Prediction prediction{scores, boxes, classes};
    const auto matches = assign(anchors, prediction, targets);
    const auto expected = plain_assign(anchors, prediction, targets);
    ASSERT_EQ(matches.size(), expected.size());
    for (std::size_t i = 0; i < matches.size(); ++i) {
      EXPECT_EQ(matches[i].anchor, expected[i].anchor);
      EXPECT_EQ(matches[i].target, expected[i].target);
      EXPECT_NEAR(matches[i].score, expected[i].score, 1e-4);
    }
  }
}

TEST(Assignment, NothingToLearnIsNoMatch) {
  const auto anchors = make_anchors(32, 32, kStrides);
  const std::vector<float> scores(anchors.size(), 0.5F);
  const std::vector<Box> boxes(anchors.size(), Box{0, 0, 10, 10});
  EXPECT_TRUE(assign(anchors, {scores, boxes, 1}, {}).empty());
  const std::vector<Target> between_centres{{{5, 5, 7, 7}, 0}};
  EXPECT_TRUE(assign(anchors, {scores, boxes, 1}, between_centres).empty());
}

}  // namespace
}  // namespace goshawk::train
