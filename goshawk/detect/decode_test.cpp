#include "goshawk/detect/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "goshawk/core/error.h"
#include "goshawk/detect/decode_families.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/detect/testing.h"

namespace goshawk::detect {
namespace {

using testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Recipe recipe_of(Family family, std::size_t classes) {
  Recipe recipe = family_defaults(family);
  for (std::size_t i = 0; i < classes; ++i) recipe.class_names.push_back("class " + std::to_string(i));
  return recipe;
}

std::vector<Candidate> decoded(const Recipe& recipe, const std::vector<runtime::Tensor>& outputs, int width, int height,
                               const DecodeLimits& limits = {0.25F, {}}, std::int64_t index = 0,
                               std::vector<runtime::TensorInfo> described_outputs = {}) {
  if (described_outputs.empty()) {
    for (const auto& output : outputs) described_outputs.push_back(info("output", output.shape));
  }
  std::vector<Candidate> candidates;
  Decoder::create(recipe, described_outputs)->decode(outputs, index, width, height, limits, candidates);
  return candidates;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadConfig);
    return error.describe();
  }
  return "no error";
}

TEST(DecodeYoloV8, ReadsColumnsAndKeepsTheBestClass) {
  // [1, 4 + 2, 3]
  const auto output = tensor_of({1, 6, 3}, {50, 60, 70, 20, 20, 20, 10, 10, 10, 4, 4, 4,  //
                                            0.1F, 0.9F, 0.25F, 0.3F, 0.2F, 0.1F});
  const std::vector<Candidate> expected = {{{45, 18, 55, 22}, 0.3F, 1}, {{55, 18, 65, 22}, 0.9F, 0}};
  EXPECT_EQ(decoded(recipe_of(Family::kYoloV8, 2), {output}, 640, 640), expected);  // 0.25 is not above the threshold
}

TEST(DecodeYoloV8, TakesTheImageOfTheBatchThatIsAskedFor) {
  const auto output = tensor_of({2, 5, 1}, {1, 1, 2, 2, 0.9F, 50, 50, 2, 2, 0.8F});
  const std::vector<Candidate> expected = {{{49, 49, 51, 51}, 0.8F, 0}};
  EXPECT_EQ(decoded(recipe_of(Family::kYoloV8, 1), {output}, 640, 640, {0.25F, {}}, 1), expected);
  EXPECT_THROW(decoded(recipe_of(Family::kYoloV8, 1), {output}, 640, 640, {0.25F, {}}, 2), Error);
}

TEST(DecodeYoloV8, EqualsTheSlowDefinitionOnRandomScores) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(0, 1);
  for (const std::int64_t anchors : {1, 7, 23, 525}) {
    constexpr std::int64_t kClasses = 5;
    std::vector<float> values(static_cast<std::size_t>((4 + kClasses) * anchors));
    for (float& value : values) value = std::round(uniform(random) * 20) / 20;
    std::vector<Candidate> expected;
    for (std::int64_t a = 0; a < anchors; ++a) {
      const auto at = [&](std::int64_t row) { return values[static_cast<std::size_t>(row * anchors + a)]; };
      std::int64_t best = 0;
      for (std::int64_t c = 1; c < kClasses; ++c) best = at(4 + c) > at(4 + best) ? c : best;
      if (!(at(4 + best) > 0.6F)) continue;
      expected.push_back({{at(0) - at(2) / 2, at(1) - at(3) / 2, at(0) + at(2) / 2, at(1) + at(3) / 2},
                          at(4 + best),
                          static_cast<int>(best)});
    }
    EXPECT_EQ(
        decoded(recipe_of(Family::kYoloV8, kClasses), {tensor_of({1, 4 + kClasses, anchors}, values)}, 64, 64, {0.6F, {}}),
        expected)
        << anchors;
  }
}

TEST(DecodeYoloV8, DropsWhatIsNotFinite) {
  const auto output = tensor_of({1, 5, 4}, {kNan, 5,    5,         5,   5, kInfinity, 5, 5, 2, 2, 2, 2, 2, 2, 2, 2,  //
                                            0.9F, 0.9F, kInfinity, kNan});
  EXPECT_TRUE(decoded(recipe_of(Family::kYoloV8, 1), {output}, 640, 640).empty());
}

TEST(DecodeYoloV8, RejectsScoresThatAreNoProbabilities) {
  const auto score = [](float value) {
    return decoded(recipe_of(Family::kYoloV8, 1), {tensor_of({1, 5, 1}, {1, 1, 2, 2, value})}, 32, 32);
  };
  EXPECT_EQ(score(1.02F).at(0).score, 1);  // eight-bit outputs
  EXPECT_THAT(message_of([&] { score(37.5F); }), HasSubstr("a score of 37.5"));
}

TEST(DecodeYoloV8, SaysThatTheModelTakesOneImage) {
  const auto output = tensor_of({1, 5, 1}, {1, 1, 2, 2, 0.9F});
  EXPECT_THAT(message_of([&] {
                decoded(recipe_of(Family::kYoloV8, 1), {output}, 32, 32, {0.25F, {}}, 1);
              }),
              HasSubstr("--batch 1"));
}

TEST(BestClass, PassesOverWhatIsNoNumber) {
  const std::vector<float> last{kNan, 0.9F}, first{0.9F, kNan}, none{kNan, kNan};
  EXPECT_EQ(best_class(last.data(), 2), 1);
  EXPECT_EQ(best_class(first.data(), 2), 0);
  EXPECT_LT(best_class(none.data(), 2), 2);
}

TEST(DecodeYoloV8, KeepsOnlyWantedClasses) {
  const auto output = tensor_of({1, 6, 2}, {5, 5, 5, 5, 2, 2, 2, 2, 0.9F, 0, 0, 0.9F});
  const auto found = decoded(recipe_of(Family::kYoloV8, 2), {output}, 640, 640, {0.25F, {false, true}});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].class_id, 1);
}

TEST(DecodeYoloV5, MultipliesObjectnessAndClass) {
  const auto output = tensor_of({1, 2, 7}, {50, 20, 10, 4, 0.8F, 0.1F, 0.5F,  //
                                            50, 20, 10, 4, 0.4F, 0.5F, 0.1F});
  const std::vector<Candidate> expected = {{{45, 18, 55, 22}, 0.8F * 0.5F, 1}};
  EXPECT_EQ(decoded(recipe_of(Family::kYoloV5, 2), {output}, 640, 640), expected);
}

TEST(DecodeYoloEnd2End, TakesRowsAsTheyAreAndSaysThatNothingIsToSuppress) {
  const Recipe recipe = recipe_of(Family::kYoloEnd2End, 3);
  const auto output = tensor_of({1, 3, 6}, {1, 2, 3, 4, 0.9F, 2, 1, 2, 3, 4, 0.5F, 0, 0, 0, 0, 0, 0, 0});
  const std::vector<Candidate> expected = {{{1, 2, 3, 4}, 0.9F, 2}, {{1, 2, 3, 4}, 0.5F, 0}};
  EXPECT_EQ(decoded(recipe, {output}, 640, 640), expected);
  EXPECT_FALSE(Decoder::create(recipe, std::vector{info("o", {1, 300, 6})})->needs_suppression());
}

TEST(DecodeYoloEnd2End, RejectsAClassThatTheListDoesNotHave) {
  for (const float label : {3.0F, -1.0F, kNan}) {
    const auto output = tensor_of({1, 1, 6}, {1, 2, 3, 4, 0.9F, label});
    EXPECT_THAT(message_of([&] { decoded(recipe_of(Family::kYoloEnd2End, 3), {output}, 640, 640); }),
                HasSubstr("class_names"));
  }
}

TEST(DecodeYolox, UndoesTheGridOfEachStride) {
  // 32 x 32 has 16 + 4 + 1 cells. Cell (1, 2) of stride 8 is row 9; the one of stride 32 is row 20.
  std::vector<float> values(21 * 6, 0);
  const auto set = [&](std::size_t row, std::initializer_list<float> numbers) {
    std::copy(numbers.begin(), numbers.end(), values.begin() + static_cast<std::ptrdiff_t>(row * 6));
  };
  set(9, {0.5F, 0.25F, 0, std::log(2.0F), 0.8F, 0.5F});
  set(20, {0.5F, 0.5F, 0, 0, 1, 0.25F});
  const auto found = decoded(recipe_of(Family::kYolox, 1), {tensor_of({1, 21, 6}, values)}, 32, 32);
  ASSERT_EQ(found.size(), 2U);  // YOLOX keeps scores equal to the threshold
  EXPECT_EQ(found[0].box, (Box{8, 10, 16, 26}));
  EXPECT_FLOAT_EQ(found[0].score, 0.4F);
  EXPECT_EQ(found[1].box, (Box{0, 0, 32, 32}));
}

/// Best class and its score at each cell, as candidates.
std::vector<Candidate> best_of(const CellAnswers& answers) {
  const std::size_t classes = answers.scores.size() / answers.boxes.size();
  std::vector<Candidate> all;
  for (std::size_t i = 0; i < answers.boxes.size(); ++i) {
    const auto first = answers.scores.begin() + static_cast<std::ptrdiff_t>(i * classes);
    const auto best = std::max_element(first, first + static_cast<std::ptrdiff_t>(classes));
    all.push_back({answers.boxes[i], *best, static_cast<int>(best - first)});
  }
  return all;
}

TEST(CellAnswers, AreWhatTheCandidatesAreMadeOf) {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> uniform(0.01F, 1);
  constexpr std::size_t kClasses = 3, kCells = 21;  // of 32 x 32
  for (const auto& [family, rows, columns] :
       {std::tuple{Family::kYoloV8, 4 + kClasses, kCells}, std::tuple{Family::kYolox, kCells, 5 + kClasses}}) {
    std::vector<float> values(2 * rows * columns);
    for (float& value : values) value = uniform(random);
    const auto output = tensor_of({2, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)}, values);
    const auto recipe = recipe_of(family, kClasses);
    const auto decoder = Decoder::create(recipe, std::vector{info("output", output.shape)});
    for (const int image : {0, 1}) {
      const auto answers = decoder->cells(std::vector{output}, image, 32, 32);
      ASSERT_TRUE(answers.has_value());
      ASSERT_EQ(answers->scores.size(), kCells * kClasses);
      EXPECT_EQ(best_of(*answers), decoded(recipe, {output}, 32, 32, {0, {}}, image));
    }
  }
}

TEST(CellAnswers, HaveNothingWhereThereIsNoNumber) {
  std::vector<float> values(6 * 3, 0.5F);
  values[0] = kInfinity;      // the first cell's cx
  values[4 * 3 + 1] = kNan;   // the second cell's first class
  values[5 * 3 + 2] = 1.25F;  // no probability
  const auto output = tensor_of({1, 6, 3}, values);
  const auto decoder = Decoder::create(recipe_of(Family::kYoloV8, 2), std::vector{info("output", output.shape)});
  const auto answers = decoder->cells(std::vector{output}, 0, 32, 32);
  EXPECT_EQ(answers->boxes[0], Box{});
  EXPECT_EQ(answers->scores, (std::vector<float>{0, 0, 0, 0.5F, 0.5F, 1}));
}

TEST(CellAnswers, AreNotThereForFamiliesWithoutAGrid) {
  const auto recipe = recipe_of(Family::kYoloEnd2End, 3);
  const auto decoder = Decoder::create(recipe, std::vector{info("o", {1, 300, 6})});
  EXPECT_FALSE(decoder->cells(std::vector{tensor_of({1, 1, 6}, {1, 2, 3, 4, 0.9F, 2})}, 0, 640, 640).has_value());
}

TEST(DecodeYolox, LayersThatHalveASideRoundUp) {
  std::vector<float> values(38UL * 6, 0);  // 36 x 36: 25, 9 and 4 cells
  const std::size_t last_of_first = 24 * 6;
  values[last_of_first + 4] = values[last_of_first + 5] = 1;
  const auto found = decoded(recipe_of(Family::kYolox, 1), {tensor_of({1, 38, 6}, values)}, 36, 36);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].box, (Box{28, 28, 36, 36}));  // the cell (4, 4): centre (32, 32), sides e^0 * 8
}

TEST(DecodeYolox, RejectsAnotherNumberOfCells) {
  EXPECT_THAT(message_of([] {
                decoded(recipe_of(Family::kYolox, 1), {tensor_of({1, 20, 6}, std::vector<float>(120))}, 32, 32);
              }),
              HasSubstr("[grid cells, 5 + classes]"));
}

TEST(DecodeYolox, DropsSidesThatOverflow) {
  std::vector<float> values(21 * 6, 0);
  values[2] = 1000;
  values[4] = values[5] = 1;
  EXPECT_TRUE(decoded(recipe_of(Family::kYolox, 1), {tensor_of({1, 21, 6}, values)}, 32, 32).empty());
}

/// Distances of which each side has all its weight on one bin.
std::vector<float> sharp(std::initializer_list<int> bins) {
  std::vector<float> logits(32, -100);
  std::size_t side = 0;
  for (const int bin : bins) logits[8 * side++ + static_cast<std::size_t>(bin)] = 100;
  return logits;
}

TEST(DecodeNanoDet, JoinsSeparateOutputsByTheirShapes) {
  // 32 x 32: 16, 4 and 1 cells; the outputs come in any order.
  std::vector<float> scores8(16 * 2, 0), scores16(4 * 2, 0), scores32(2, 0);
  std::vector<float> distances8(16 * 32, 0), distances16(4 * 32, 0);
  std::vector<float> distances32 = sharp({0, 0, 0, 0});
  scores16[2 * 1 + 1] = 0.75F;  // cell (1, 0) of stride 16, class 1
  const auto wanted = sharp({1, 0, 0, 1});
  std::copy(wanted.begin(), wanted.end(), distances16.begin() + 32);
  const auto found = decoded(recipe_of(Family::kNanoDet, 2),
                             {tensor_of({1, 32}, distances32), tensor_of({4, 2}, scores16), tensor_of({16, 32}, distances8),
                              tensor_of({1, 2}, scores32), tensor_of({16, 2}, scores8), tensor_of({4, 32}, distances16)},
                             32, 32);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].class_id, 1);
  // The centre is 16 + 7.5; left 16, right 0, top 0, bottom 16.
  EXPECT_EQ(found[0].box, (Box{7.5F, 7.5F, 23.5F, 23.5F}));
}

TEST(DecodeNanoDet, TakesPlusModelsOfFourStridesWithCornersAsCentres) {
  // 64 x 64: 64 + 16 + 4 + 1 points of 1 class and 32 distances.
  Recipe recipe = recipe_of(Family::kNanoDet, 1);
  recipe.stride = 64;
  std::vector<float> values(85 * 33, 0);
  values[9 * 33] = 0.9F;  // cell (1, 1) of stride 8
  const auto distances = sharp({1, 1, 2, 2});
  std::copy(distances.begin(), distances.end(), values.begin() + 9 * 33 + 1);
  const auto found = decoded(recipe, {tensor_of({1, 85, 33}, values)}, 64, 64);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].box, (Box{0, 0, 24, 24}));
}

TEST(DecodeNanoDet, RejectsOutputsThatDoNotPair) {
  EXPECT_THAT(message_of([] {
                decoded(recipe_of(Family::kNanoDet, 2),
                        {tensor_of({16, 2}, std::vector<float>(32)), tensor_of({4, 32}, std::vector<float>(128))}, 32, 32);
              }),
              HasSubstr("nanodet with 2 classes"));
}

TEST(DecodeYuNet, TakesTheRootOfBothScores) {
  std::vector<runtime::TensorInfo> names;
  std::vector<runtime::Tensor> outputs;
  for (const std::int64_t stride : {8, 16, 32}) {
    const std::int64_t cells = (32 / stride) * (64 / stride);
    for (const auto& [kind, columns] :
         {std::pair<std::string, std::int64_t>{"cls_", 1}, {"obj_", 1}, {"bbox_", 4}, {"kps_", 10}}) {
      std::vector<float> values(static_cast<std::size_t>(cells * columns), 0);
      if (stride == 16 && kind == "cls_") values[5] = 1.5F;  // clamped
      if (stride == 16 && kind == "obj_") values[5] = 0.81F;
      if (stride == 16 && kind == "bbox_") values[5 * 4] = 0.5F;
      names.push_back(info(kind + std::to_string(stride), {1, cells, columns}));
      outputs.push_back(tensor_of({1, cells, columns}, values));
    }
  }
  const auto found = decoded(recipe_of(Family::kYuNet, 1), outputs, 64, 32, {0.5F, {}}, 0, names);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_FLOAT_EQ(found[0].score, 0.9F);
  EXPECT_EQ(found[0].box, (Box{16, 8, 32, 24}));  // cell (1, 1): centre (24, 16), side 16
}

TEST(DecodeDetr, SigmoidGivesEveryClassOfAQuery) {
  Recipe recipe = recipe_of(Family::kDetr, 2);
  const std::vector<runtime::TensorInfo> names = {info("logits", {1, 1, 2}), info("pred_boxes", {1, 1, 4})};
  const auto found = decoded(recipe, {tensor_of({1, 1, 2}, {0, 2}), tensor_of({1, 1, 4}, {0.5F, 0.5F, 0.5F, 0.25F})}, 100,
                             200, {0.4F, {}}, 0, names);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].box, (Box{25, 75, 75, 125}));
  EXPECT_FLOAT_EQ(found[0].score, 0.5F);
  EXPECT_FLOAT_EQ(found[1].score, 1 / (1 + std::exp(-2.0F)));
}

TEST(DecodeDetr, SoftmaxCountsNoObject) {
  Recipe recipe = recipe_of(Family::kDetr, 2);
  recipe.activation = Activation::kSoftmax;
  const std::vector<runtime::TensorInfo> names = {info("pred_logits", {1, 2, 3}), info("pred_boxes", {1, 2, 4})};
  const auto found =
      decoded(recipe, {tensor_of({1, 2, 3}, {3, 0, 0, 0, 0, 9}), tensor_of({1, 2, 4}, std::vector<float>(8, 0.5F))}, 10, 10,
              {0.25F, {}}, 0, names);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_FLOAT_EQ(found[0].score, std::exp(3.0F) / (std::exp(3.0F) + 2));
}

TEST(DecodeDetr, DoesNotGuessWhichOfTwoAlikeOutputsAreBoxes) {
  const std::vector<runtime::TensorInfo> alike = {info("out1", {1, 5, 4}), info("out2", {1, 5, 4})};
  EXPECT_THAT(message_of([&] { Decoder::create(recipe_of(Family::kDetr, 4), alike); }), HasSubstr("pred_boxes and logits"));
}

TEST(DecodeDetr, TakesBoxesAndScoresInOneOutput) {
  Recipe recipe = recipe_of(Family::kDetr, 2);
  recipe.activation = Activation::kNone;
  const std::vector<Candidate> expected = {{{25, 25, 75, 75}, 0.7F, 1}};
  EXPECT_EQ(decoded(recipe, {tensor_of({1, 1, 6}, {0.5F, 0.5F, 0.5F, 0.5F, 0.1F, 0.7F})}, 100, 100), expected);
}

TEST(DecodeDetections, ReadsTensorFlowsOutputs) {
  Recipe recipe = recipe_of(Family::kDetections, 2);
  recipe.box_format = BoxFormat::kYxyx;
  recipe.normalized_boxes = true;
  recipe.first_class = 1;
  const std::vector<runtime::TensorInfo> names = {info("detection_scores", {1, 2}), info("num_detections", {1}),
                                                  info("detection_classes", {1, 2}), info("detection_boxes", {1, 2, 4})};
  const auto found = decoded(recipe,
                             {tensor_of({1, 2}, {0.9F, 0.8F}), tensor_of({1}, {1}), tensor_of({1, 2}, {2, 0}),
                              tensor_of({1, 2, 4}, {0.1F, 0.2F, 0.3F, 0.4F, 0, 0, 1, 1})},
                             100, 200, {0.25F, {}}, 0, names);
  ASSERT_EQ(found.size(), 1U);  // the second is beyond num_detections
  EXPECT_EQ(found[0].class_id, 1);
  EXPECT_FLOAT_EQ(found[0].box.x1, 20);
  EXPECT_FLOAT_EQ(found[0].box.y1, 20);
  EXPECT_FLOAT_EQ(found[0].box.y2, 60);
}

TEST(DecodeDetections, TellsTorchvisionsOutputsByTypeWithoutNames) {
  using runtime::ElementType;
  const Recipe recipe = recipe_of(Family::kDetections, 3);
  const std::vector<runtime::TensorInfo> names = {info("6379", {-1, 4}), info("6381", {-1}, ElementType::kInt64),
                                                  info("6383", {-1})};
  const std::vector<Candidate> expected = {{{1, 2, 3, 4}, 0.5F, 2}};
  EXPECT_EQ(decoded(recipe, {tensor_of({1, 4}, {1, 2, 3, 4}), tensor_of({1}, {2}), tensor_of({1}, {0.5F})}, 100, 100,
                    {0.25F, {}}, 0, names),
            expected);
  EXPECT_TRUE(
      decoded(recipe, {tensor_of({0, 4}, {}), tensor_of({0}, {}), tensor_of({0}, {})}, 100, 100, {0.25F, {}}, 0, names)
          .empty());
}

TEST(DecodeDetections, RejectsALabelOutsideTheList) {
  Recipe recipe = recipe_of(Family::kDetections, 3);
  recipe.first_class = 1;
  const std::vector<runtime::TensorInfo> names = {info("boxes", {1, 4}), info("labels", {1}), info("scores", {1})};
  EXPECT_THAT(message_of([&] {
                decoded(recipe, {tensor_of({1, 4}, {1, 2, 3, 4}), tensor_of({1}, {0}), tensor_of({1}, {0.5F})}, 9, 9,
                        {0.25F, {}}, 0, names);
              }),
              HasSubstr("first_class"));
}

TEST(DecoderCreate, SaysWhichClassListDoesNotFit) {
  const std::vector<runtime::TensorInfo> outputs = {info("output0", {1, 84, 8400})};
  EXPECT_THAT(
      message_of([&] { Decoder::create(recipe_of(Family::kYoloV8, 79), outputs); }),
      HasSubstr("family yolov8 with 79 classes needs [N, 4 + classes, anchors], the model has output0 [1, 84, 8400]"));
  for (const Family family : {Family::kYoloV5, Family::kYoloEnd2End, Family::kYolox, Family::kNanoDet, Family::kDetr,
                              Family::kDetections, Family::kYuNet, Family::kUnknown}) {
    EXPECT_THROW(Decoder::create(recipe_of(family, 80), outputs), Error) << to_string(family);
    EXPECT_THROW(Decoder::create(recipe_of(family, 80), {}), Error) << to_string(family);
  }
}

}  // namespace
}  // namespace goshawk::detect
