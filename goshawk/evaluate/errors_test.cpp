#include "goshawk/evaluate/errors.h"

#include <gtest/gtest.h>

namespace goshawk::evaluate {
namespace {

Detection detection(Box box, int class_id, float score) { return {box, score, class_id, {}}; }

constexpr Box kLeft{0, 0, 100, 100};
constexpr Box kRight{300, 0, 400, 100};
constexpr Box kNearlyLeft{5, 0, 105, 100};   // overlap 0.905
constexpr Box kPartlyLeft{60, 0, 160, 100};  // overlap 0.25
constexpr Box kNowhere{600, 600, 650, 650};

std::vector<ErrorKind> kinds(const ImageErrors& result) {
  std::vector<ErrorKind> list;
  for (const auto& error : result.errors) list.push_back(error.kind);
  return list;
}

TEST(Errors, TellsTheFiveKindsApart) {
  const std::vector<TrueObject> objects{{kLeft, 0}, {kRight, 1}};
  using enum ErrorKind;
  EXPECT_EQ(kinds(find_errors(objects, {})), (std::vector{kMissed, kMissed}));
  const std::vector<Detection> all{detection(kLeft, 0, 0.9F), detection(kNearlyLeft, 0, 0.8F), detection(kRight, 0, 0.7F),
                                   detection(kPartlyLeft, 0, 0.6F), detection(kNowhere, 1, 0.5F)};
  const auto result = find_errors(objects, all);
  EXPECT_EQ(kinds(result), (std::vector{kDuplicate, kWrongClass, kPoorBox, kBackground}));
  ASSERT_EQ(result.found.size(), 1U);
  EXPECT_EQ(result.found[0].object, 0);
  EXPECT_EQ(result.errors[1], (DetectionError{kWrongClass, 2, 1}));
  EXPECT_EQ(result.counts[static_cast<std::size_t>(kDuplicate)], 1U);
}

TEST(Errors, APoorBoxIsNotAlsoAMiss) {
  const std::vector<TrueObject> objects{{kLeft, 0}};
  const std::vector<Detection> poor{detection(kPartlyLeft, 0, 0.9F)};
  EXPECT_EQ(kinds(find_errors(objects, poor)), (std::vector{ErrorKind::kPoorBox}));
}

TEST(Errors, UnsureDetectionsAreNotLookedAt) {
  const std::vector<TrueObject> objects{{kLeft, 0}};
  const std::vector<Detection> unsure{detection(kLeft, 0, 0.2F)};
  EXPECT_EQ(kinds(find_errors(objects, unsure)), (std::vector{ErrorKind::kMissed}));
  EXPECT_TRUE(find_errors(objects, unsure, {.confidence = 0.1F}).errors.empty());
}

TEST(Errors, IgnoredRegionsExcuseWhatLiesInThemOfTheirClass) {
  const std::vector<TrueObject> objects{{{500, 500, 900, 900}, 0, true}};
  const std::vector<Detection> both{detection(kNowhere, 0, 0.9F), detection(kNowhere, 1, 0.8F)};
  EXPECT_EQ(find_errors(objects, both).errors, (std::vector<DetectionError>{{ErrorKind::kBackground, 1, -1}}));
  ConfusionMatrix matrix(2);
  matrix.add(objects, both);
  for (int d = 0; d <= 2; ++d) {
    for (int t = 0; t <= 2; ++t) EXPECT_EQ(matrix.at(d, t), d == 1 && t == 2 ? 1 : 0) << d << " " << t;
  }
}

TEST(Errors, TheMoreConfidentDetectionFindsTheObject) {
  const std::vector<TrueObject> objects{{kLeft, 0}};
  const std::vector<Detection> two{detection(kLeft, 0, 0.5F), detection(kNearlyLeft, 0, 0.9F)};
  const auto result = find_errors(objects, two);
  ASSERT_EQ(result.found.size(), 1U);
  EXPECT_EQ(result.found[0].detection, 1);
  EXPECT_EQ(kinds(result), (std::vector{ErrorKind::kDuplicate}));
}

TEST(Confusion, CountsPairsMissesAndInventions) {
  const std::vector<TrueObject> objects{{kLeft, 0}, {kRight, 1}, {{0, 300, 50, 350}, 2}};
  const std::vector<Detection> detections{detection(kNearlyLeft, 0, 0.9F), detection(kRight, 2, 0.8F),
                                          detection(kNowhere, 1, 0.7F), detection(kNowhere, 1, 0.1F)};
  ConfusionMatrix matrix(3);
  matrix.add(objects, detections);
  EXPECT_EQ(matrix.at(0, 0), 1);
  EXPECT_EQ(matrix.at(2, 1), 1);
  EXPECT_EQ(matrix.at(3, 2), 1);
  EXPECT_EQ(matrix.at(1, 3), 1);
  std::int64_t sum = 0;
  for (int d = 0; d <= 3; ++d) {
    for (int t = 0; t <= 3; ++t) sum += matrix.at(d, t);
  }
  EXPECT_EQ(sum, 4);
}

TEST(Confusion, TheMoreConfidentDetectionTakesTheObject) {
  const std::vector<TrueObject> objects{{kLeft, 0}};
  const std::vector<Detection> detections{detection(kNearlyLeft, 0, 0.3F), detection({20, 0, 120, 100}, 1, 0.99F)};
  ConfusionMatrix matrix(2);
  matrix.add(objects, detections);
  EXPECT_EQ(matrix.at(1, 0), 1);
  EXPECT_EQ(matrix.at(0, 2), 1);
}

TEST(Confusion, ADetectionWhoseBestObjectIsTakenTakesTheNext) {
  const std::vector<TrueObject> objects{{{0, 0, 100, 100}, 0}, {{0, 30, 100, 130}, 1}};
  const std::vector<Detection> detections{detection({0, 0, 100, 100}, 0, 0.9F), detection({0, 10, 100, 110}, 1, 0.8F)};
  ConfusionMatrix matrix(2);
  matrix.add(objects, detections);
  EXPECT_EQ(matrix.at(0, 0), 1);
  EXPECT_EQ(matrix.at(1, 1), 1);
  EXPECT_EQ(matrix.at(1, 2), 0);
}

}  // namespace
}  // namespace goshawk::evaluate
