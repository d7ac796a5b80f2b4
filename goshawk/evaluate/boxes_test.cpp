// Small cases whose figures can be told by hand; tests/oracles/coco_reference.py holds every number against pycocotools.
#include "goshawk/evaluate/boxes.h"

#include <gtest/gtest.h>

#include <random>

#include "goshawk/core/error.h"

namespace goshawk::evaluate {
namespace {

using dataset::Annotation;
using dataset::Dataset;

Dataset empty_set(std::size_t images, std::size_t classes) {
  Dataset set;
  for (std::size_t i = 0; i < images; ++i) {
    set.images.emplace_back();
    set.images.back().id = static_cast<std::int64_t>(i);
  }
  for (std::size_t i = 0; i < classes; ++i) set.categories.push_back({static_cast<std::int64_t>(i), "class"});
  return set;
}

void add_object(Dataset& set, std::uint32_t image, std::uint32_t category, dataset::Rectangle box, bool crowd = false) {
  Annotation annotation;
  annotation.id = static_cast<std::int64_t>(set.annotations.size()) + 1;
  annotation.image = image;
  annotation.category = category;
  annotation.rectangle = box;
  annotation.area = box.area();
  annotation.crowd = crowd;
  set.annotations.push_back(annotation);
}

Detection detection(float x, float y, float width, float height, float score, int category = 0) {
  return {{x, y, x + width, y + height}, score, category, {}};
}

TEST(CocoEvaluation, APerfectDetectorScoresOne) {
  Dataset set = empty_set(2, 2);
  add_object(set, 0, 0, {0, 0, 10, 10});
  add_object(set, 1, 0, {5, 5, 50, 50});
  CocoEvaluator evaluator(set);
  evaluator.add(0, {detection(0, 0, 10, 10, 0.9F)});
  evaluator.add(1, {detection(5, 5, 50, 50, 0.8F)});
  const auto summary = evaluator.evaluate().summary();
  EXPECT_NEAR(summary.ap, 1, 1e-12);
  EXPECT_NEAR(summary.ap_small, 1, 1e-12);
  EXPECT_NEAR(summary.ap_medium, 1, 1e-12);
  EXPECT_EQ(summary.ap_large, -1);  // there is none
  EXPECT_EQ(summary.ar, (std::vector<double>{1, 1, 1}));
}

TEST(CocoEvaluation, NothingToMeasureIsMinusOne) {
  const Dataset set = empty_set(1, 3);
  const auto result = CocoEvaluator(set).evaluate();
  EXPECT_EQ(result.summary(), (CocoSummary{.ar = {-1, -1, -1}}));
  EXPECT_EQ(result.by_class()[2].ap, -1);
}

TEST(CocoEvaluation, ACrowdTakesAnyNumberOfDetectionsAndCountsNeitherWay) {
  Dataset set = empty_set(1, 1);
  add_object(set, 0, 0, {0, 0, 100, 100}, true);
  add_object(set, 0, 0, {200, 200, 10, 10});
  CocoEvaluator evaluator(set);
  evaluator.add(0, {detection(10, 10, 10, 10, 0.9F), detection(40, 40, 10, 10, 0.8F), detection(200, 200, 10, 10, 0.5F)});
  const auto result = evaluator.evaluate();
  EXPECT_NEAR(result.summary().ap, 1, 1e-12);
  EXPECT_EQ(result.judged().size(), 1U);
  EXPECT_EQ(result.objects(), std::vector<std::int64_t>{1});
  const auto matches = result.matches();
  ASSERT_EQ(matches[0].size(), 3U);
  EXPECT_TRUE(matches[0][0].ignored);
  EXPECT_EQ(matches[0][0].object, 0);
  EXPECT_FALSE(matches[0][2].ignored);
  EXPECT_EQ(matches[0][2].object, 1);
  EXPECT_EQ(matches[0][2].detection, 2U);
}

TEST(CocoEvaluation, TheSecondDetectionOfAnObjectIsWrong) {
  Dataset set = empty_set(1, 1);
  add_object(set, 0, 0, {0, 0, 10, 10});
  CocoEvaluator evaluator(set);
  evaluator.add(0, {detection(0, 0, 10, 9, 0.9F), detection(0, 0, 10, 10, 0.8F)});
  const auto judged = evaluator.evaluate().judged();
  ASSERT_EQ(judged.size(), 2U);
  EXPECT_TRUE(judged[0].correct);
  EXPECT_FALSE(judged[1].correct);
}

TEST(CocoEvaluation, TheObjectWithIdZeroMatchesUnlessPycocotoolsIsFollowed) {
  Dataset set = empty_set(1, 1);
  add_object(set, 0, 0, {0, 0, 10, 10});
  set.annotations[0].id = 0;
  for (const bool follow : {false, true}) {
    CocoOptions options;
    options.id_zero_never_matches = follow;
    CocoEvaluator evaluator(set, options);
    evaluator.add(0, {detection(0, 0, 10, 10, 0.9F)});
    EXPECT_NEAR(evaluator.evaluate().summary().ap, follow ? 0 : 1, 1e-12);
  }
}

/// Random images of random objects and detections near them, each image `times[i]` times over.
CocoResult random_result(Dataset& set, std::span<const std::uint32_t> times, unsigned seed) {
  set = empty_set(0, 3);
  std::vector<Detections> detections;
  for (std::uint32_t i = 0; i < times.size(); ++i) {
    for (std::uint32_t copy = 0; copy < times[i]; ++copy) {
      std::mt19937 random(seed + i);
      std::uniform_real_distribution<float> place(0, 200), size(5, 150), error(-6, 6), score(0, 1);
      const auto image = static_cast<std::uint32_t>(set.images.size());
      set.images.emplace_back().id = image;
      detections.emplace_back();
      for (unsigned k = 0; k < 6; ++k) {
        const float x = place(random), y = place(random), w = size(random), h = size(random);
        add_object(set, image, random() % 3, {x, y, w, h}, random() % 8 == 0);
        detections.back().push_back(detection(x + error(random), y + error(random), w, h + error(random), score(random),
                                              static_cast<int>(random() % 3)));
      }
    }
  }
  CocoEvaluator evaluator(set);
  for (std::uint32_t i = 0; i < detections.size(); ++i) evaluator.add(i, detections[i]);
  return evaluator.evaluate();
}

TEST(CocoEvaluation, WeightsOfImagesAreRepeatedImages) {
  const std::vector<std::uint32_t> once(12, 1), times{0, 2, 1, 3, 0, 1, 1, 0, 4, 1, 0, 2};
  for (unsigned seed = 1; seed < 6; ++seed) {
    Dataset set, repeated;
    const auto weighed = random_result(set, once, seed * 100).summary(times);
    const auto copied = random_result(repeated, times, seed * 100).summary();
    // A copy's detections come one after the other, a weight's at once: precision between them differs, recall does not.
    EXPECT_NEAR(weighed.ap, copied.ap, 0.02) << seed;
    EXPECT_NEAR(weighed.ar[2], copied.ar[2], 1e-12) << seed;
    EXPECT_NEAR(weighed.ar_medium, copied.ar_medium, 1e-12) << seed;
  }
}

TEST(CocoEvaluation, ThreadsDoNotChangeTheFigures) {
  const std::vector<std::uint32_t> once(30, 1);
  Dataset set;
  const auto result = random_result(set, once, 4);
  const auto again = random_result(set, once, 4);
  EXPECT_EQ(result.precision(), again.precision());
  EXPECT_EQ(result.recall(), again.recall());
  EXPECT_EQ(result.summary(), result.summary(once));
}

TEST(CocoEvaluation, OptionsOutOfRangeAreRefused) {
  const Dataset set = empty_set(1, 1);
  CocoOptions options;
  options.max_detections = {10, 1};
  EXPECT_THROW(CocoEvaluator(set, options), Error);
  options = {};
  options.thresholds = {0.9, 0.5};
  EXPECT_THROW(CocoEvaluator(set, options), Error);
  options.thresholds = std::vector<double>(17, 0.5);
  EXPECT_THROW(CocoEvaluator(set, options), Error);
}

}  // namespace
}  // namespace goshawk::evaluate
