#include "goshawk/dataset/prelabel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace goshawk::dataset {
namespace {

using ::testing::ElementsAre;

Dataset three_images() {
  Dataset set;
  set.categories = {{.id = 0, .name = "car"}, {.id = 1, .name = "person"}};
  for (const char* file : {"a.jpg", "b.jpg", "c.jpg"}) {
    ImageEntry image;
    image.file = file;
    image.width = 200;
    image.height = 100;
    image.labelled = false;
    set.images.push_back(image);
  }
  return set;
}

Annotation object(std::uint32_t image, std::uint32_t category, Rectangle rectangle) {
  Annotation annotation;
  annotation.image = image;
  annotation.category = category;
  annotation.rectangle = rectangle;
  return annotation;
}

Detection detection(Box box, float score, int class_id) { return {box, score, class_id, {}}; }

const PrelabelOptions kSameClasses{.to_category = {0, 1}, .least_score = {}};

TEST(LabelledImages, AreThoseWithObjectsOrALabelFileOfTheirOwn) {
  auto set = three_images();
  set.annotations = {object(0, 0, {1, 2, 3, 4})};
  set.images[1].labels = "labels/b.txt";
  set.images[1].labelled = true;  // the file is empty: nothing is there
  set.images[2].labelled = true;  // listed in a file for all
  EXPECT_THAT(labelled_images(set), ElementsAre(1, 1, 0));
  set.images[1].sequence = "MOT16-02";  // its label file is that of all frames
  EXPECT_THAT(labelled_images(set), ElementsAre(1, 0, 0));
}

TEST(TakeOutPredictions, LeavesImagesOnWhichAPersonSaidAnything) {
  Dataset set;
  set.categories.push_back({0, "x"});
  set.images.resize(4);  // predictions alone, predictions and a person's, a person's alone, nothing
  const auto add = [&](std::uint32_t image, float score) {
    Annotation annotation;
    annotation.image = image;
    annotation.score = score;
    set.annotations.push_back(annotation);
  };
  for (const auto& [image, score] :
       {std::pair(0U, 0.5F), std::pair(0U, 0.0F), std::pair(1U, 0.9F), std::pair(1U, -1.0F), std::pair(2U, -1.0F)}) {
    add(image, score);
  }
  EXPECT_EQ(take_out_predictions(set), 1U);
  ASSERT_EQ(set.annotations.size(), 3U);
  EXPECT_EQ(set.annotations[0].image, 1U);
  EXPECT_FALSE(set.images[0].labelled);
  EXPECT_TRUE(set.images[1].labelled);
  EXPECT_TRUE(set.images[3].labelled);
  EXPECT_EQ(take_out_predictions(set), 0U);
}

TEST(AddPredictions, ScalesToTheImageAndKeepsScoresInTheOrderOfTheImages) {
  auto set = three_images();
  set.annotations = {object(1, 1, {5, 5, 10, 10})};
  const std::vector<ImagePredictions> predictions{{2, 100, 50, {detection({10, 5, 30, 25}, 0.5F, 1)}},
                                                  {0, 200, 100, {detection({10, 5, 30, 25}, 0.75F, 0)}}};
  const auto result = add_predictions(set, predictions, kSameClasses);
  EXPECT_THAT(result.added, ElementsAre(1U, 1U));
  EXPECT_EQ(result.images_with_new, 2U);
  ASSERT_EQ(set.annotations.size(), 3U);
  EXPECT_EQ(set.annotations[0].rectangle, (Rectangle{10, 5, 20, 20}));
  EXPECT_EQ(set.annotations[0].score, 0.75F);
  EXPECT_EQ(set.annotations[0].area, 400);
  EXPECT_EQ(set.annotations[1].score, -1) << "a person's";
  EXPECT_EQ(set.annotations[2].rectangle, (Rectangle{20, 10, 40, 40}));
  EXPECT_EQ(set.annotations[2].image, 2U);
  EXPECT_TRUE(set.images[0].labelled);
  EXPECT_FALSE(set.images[1].labelled);
}

TEST(AddPredictions, GivesFractionsWhereTheSizeIsNotKnown) {
  auto set = three_images();
  set.images[0].width = set.images[0].height = 0;
  add_predictions(set, std::vector<ImagePredictions>{{0, 64, 32, {detection({16, 8, 32, 24}, 0.5F, 0)}}}, kSameClasses);
  EXPECT_EQ(set.annotations.at(0).rectangle, (Rectangle{0.25, 0.25, 0.25, 0.5}));
}

TEST(AddPredictions, TakesHalfAnOverlapWithAnyClassForTheSameObject) {
  auto set = three_images();
  set.annotations = {object(0, 1, {0, 0, 20, 10})};
  const std::vector<ImagePredictions> predictions{
      {0, 200, 100, {detection({0, 0, 10, 10}, 0.9F, 0), detection({0, 0, 9, 10}, 0.8F, 0)}}};
  const auto result = add_predictions(set, predictions, kSameClasses);  // IoU 100 / 200, and 90 / 200
  EXPECT_EQ(result.known, 1U);
  ASSERT_EQ(set.annotations.size(), 2U);
  EXPECT_EQ(set.annotations[1].score, 0.8F);
}

TEST(AddPredictions, TakesWhatLiesInACrowdForKnown) {
  auto set = three_images();
  set.annotations = {object(0, 1, {0, 0, 200, 50})};
  set.annotations[0].crowd = true;
  const std::vector<ImagePredictions> predictions{
      {0, 200, 100, {detection({10, 40, 20, 60}, 0.9F, 1), detection({10, 41, 20, 61}, 0.8F, 1)}}};
  const auto result = add_predictions(set, predictions, kSameClasses);  // half of it within, and 45 %
  EXPECT_EQ(result.known, 1U);
  EXPECT_EQ(set.annotations.size(), 2U);
}

TEST(AddPredictions, LeavesOutClassesAndLowScoresOfTheModel) {
  auto set = three_images();
  const PrelabelOptions options{.to_category = {-1, 0, 1}, .least_score = {0, 0.5F, 0.25F}};
  const Detections detections{detection({0, 0, 9, 9}, 0.9F, 0), detection({20, 0, 29, 9}, 0.5F, 1),
                              detection({40, 0, 49, 9}, 0.49F, 1), detection({60, 0, 69, 9}, 0.3F, 2),
                              detection({80, 0, 80, 9}, 0.3F, 2)};
  const auto result = add_predictions(set, std::vector<ImagePredictions>{{1, 200, 100, detections}}, options);
  EXPECT_THAT(result.added, ElementsAre(1U, 1U)) << "not the one without width";
}

TEST(AddPredictions, TakesTwoClassesThatAreOneHereForOneObjectAndTwoOfOneClassForTwo) {
  auto set = three_images();
  const PrelabelOptions options{.to_category = {0, 0, 1}, .least_score = {}};
  const Detections detections{detection({0, 0, 20, 10}, 0.9F, 0), detection({0, 0, 19, 10}, 0.8F, 1),
                              detection({0, 0, 18, 10}, 0.7F, 0), detection({0, 0, 20, 10}, 0.6F, 2)};
  const auto result = add_predictions(set, std::vector<ImagePredictions>{{0, 200, 100, detections}}, options);
  EXPECT_THAT(result.added, ElementsAre(2U, 1U));  // NMS has settled what one class of the model means
}

}  // namespace
}  // namespace goshawk::dataset
