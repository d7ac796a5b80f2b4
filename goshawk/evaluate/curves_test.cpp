#include "goshawk/evaluate/curves.h"

#include <gtest/gtest.h>

#include <random>

namespace goshawk::evaluate {
namespace {

const std::vector<JudgedDetection> kThree{{0.9F, 0, true}, {0.6F, 0, false}, {0.3F, 0, true}};
const std::vector<std::int64_t> kTwoObjects{2};

TEST(Curves, PointsAreThoseCountedByHand) {
  const auto at = [&](double confidence) { return at_confidence(kThree, kTwoObjects, confidence); };
  EXPECT_DOUBLE_EQ(at(0.95).precision, 0);
  EXPECT_DOUBLE_EQ(at(0.95).recall, 0);
  EXPECT_DOUBLE_EQ(at(0.7).precision, 1);
  EXPECT_DOUBLE_EQ(at(0.7).recall, 0.5);
  EXPECT_DOUBLE_EQ(at(0.5).precision, 0.5);
  EXPECT_DOUBLE_EQ(at(0.1).precision, 2.0 / 3);
  EXPECT_DOUBLE_EQ(at(0.1).recall, 1);
  EXPECT_DOUBLE_EQ(at(0.1).f1, 0.8);
}

TEST(Curves, BestIsTheGreatestF1OfTheClass) {
  const auto curves = confidence_curves(kThree, kTwoObjects);
  EXPECT_FLOAT_EQ(static_cast<float>(curves.classes[0].best.confidence), 0.3F);
  EXPECT_DOUBLE_EQ(curves.classes[0].best.f1, 0.8);
  EXPECT_DOUBLE_EQ(curves.mean_at_best.precision, 2.0 / 3);
}

TEST(Curves, TheHigherConfidenceIsBestWhereF1IsEqual) {
  const auto detections_of = [](int all, int correct, float score, std::vector<JudgedDetection> others) {
    for (int i = 0; i < all; ++i) others.push_back({score, 0, i < correct});
    return others;
  };
  const auto detections = detections_of(6, 2, 0.3F, detections_of(9, 6, 0.6F, {}));  // 6 of 9, then 8 of 15
  const auto best = confidence_curves(detections, std::vector<std::int64_t>{9}).classes[0].best;
  EXPECT_FLOAT_EQ(static_cast<float>(best.confidence), 0.6F);
  EXPECT_DOUBLE_EQ(best.f1, 2.0 / 3);
}

TEST(Curves, EnvelopeNeverRisesAndHoldsTheGreatestPrecisionBeyond) {
  const auto curve = confidence_curves(kThree, kTwoObjects).classes[0];
  ASSERT_EQ(curve.envelope.size(), 101U);
  EXPECT_FLOAT_EQ(curve.envelope[50], 1.0F);
  EXPECT_FLOAT_EQ(curve.envelope[51], 2.0F / 3);
  EXPECT_FLOAT_EQ(curve.envelope[100], 2.0F / 3);
}

TEST(Curves, ClassesWithoutObjectsDoNotCountAndUnfoundOnesCountAsNought) {
  const std::vector<std::int64_t> objects{2, 0, 5};
  auto detections = kThree;
  detections.push_back({0.8F, 1, false});
  const auto curves = confidence_curves(detections, objects);
  EXPECT_DOUBLE_EQ(curves.mean_at_best.recall, 0.5);
  EXPECT_DOUBLE_EQ(curves.mean_at_best.precision, 1.0 / 3);
  EXPECT_FLOAT_EQ(curves.mean_recall[0], 0.5F);
}

TEST(Curves, EqualScoresStandOrFallTogether) {
  const std::vector<JudgedDetection> ties{{0.5F, 0, false}, {0.5F, 0, true}, {0.5F, 0, true}};
  const auto p = at_confidence(ties, kTwoObjects, 0.5);
  EXPECT_DOUBLE_EQ(p.precision, 2.0 / 3);
  EXPECT_DOUBLE_EQ(p.recall, 1);
}

TEST(Curves, NothingAtAllIsNought) {
  const auto none = confidence_curves({}, std::vector<std::int64_t>{0, 3});
  EXPECT_EQ(none.mean_at_best.f1, 0);
  EXPECT_EQ(none.best_of_means.precision, 0);
  EXPECT_EQ(confidence_curves({}, std::vector<std::int64_t>{}).mean_f1.size(), 0U);
}

// The plain definition, one threshold after another.
TEST(Curves, AgreeWithCountingAtEachThreshold) {
  const unsigned seed = 20261121;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::vector<JudgedDetection> detections;
  std::vector<std::int64_t> objects{40, 7, 0};
  std::vector<std::int64_t> left = objects;
  for (int i = 0; i < 150; ++i) {
    JudgedDetection d{static_cast<float>(random() % 50) / 49.0F, static_cast<std::uint32_t>(random() % 3),
                      random() % 2 == 0};
    if (d.correct && left[d.category]-- <= 0) d.correct = false;
    detections.push_back(d);
  }
  const auto curves = confidence_curves(detections, objects, 50);
  for (std::size_t c = 0; c < objects.size(); ++c) {
    for (std::size_t i = 0; i < 50; ++i) {
      const double confidence = static_cast<double>(i) / 49.0;
      int detected = 0, correct = 0;
      for (const auto& d : detections) {
        if (d.category != c || static_cast<double>(d.score) < confidence) continue;
        ++detected;
        correct += d.correct ? 1 : 0;
      }
      SCOPED_TRACE(confidence);
      if (detected > 0) {
        EXPECT_FLOAT_EQ(curves.classes[c].precision[i], static_cast<float>(correct) / static_cast<float>(detected));
      }
      if (objects[c] > 0) {
        EXPECT_FLOAT_EQ(curves.classes[c].recall[i], static_cast<float>(correct) / static_cast<float>(objects[c]));
      }
    }
  }
}

}  // namespace
}  // namespace goshawk::evaluate
