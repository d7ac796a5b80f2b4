#include "goshawk/dataset/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace goshawk::dataset {
namespace {

Annotation object(std::uint32_t image, std::uint32_t category, Rectangle box) {
  Annotation annotation;
  annotation.image = image;
  annotation.category = category;
  annotation.rectangle = box;
  return annotation;
}

TEST(Statistics, CountsObjectsImagesSizesAndPlaces) {
  Dataset set;
  set.categories = {{0, "car", ""}, {1, "bus", ""}, {2, "none", ""}};
  set.images.resize(4);
  for (auto& image : set.images) image.width = 640, image.height = 480;
  set.images[0].split = set.images[1].split = Split::kTrain;
  set.images[2].split = set.images[3].split = Split::kVal;
  set.images[3].labelled = false;
  set.annotations = {object(0, 0, {0, 0, 31, 33}), object(0, 1, {0, 0, 32, 32}), object(0, 0, {600, 440, 96, 96}),
                     object(1, 0, {std::nan(""), 0, 10, 10})};
  const auto result = statistics(set);
  EXPECT_EQ(result.classes[0].objects, 3);
  EXPECT_EQ(result.classes[0].images, 2);
  EXPECT_EQ(result.classes[2].objects, 0);
  EXPECT_EQ(result.all.sizes, (std::array<std::size_t, 3>{1, 1, 1}));  // 1023, 1024 and 9216 pixels
  EXPECT_EQ(result.splits[static_cast<std::size_t>(Split::kTrain)].objects, 4);
  EXPECT_EQ(result.splits[static_cast<std::size_t>(Split::kVal)].images, 2);
  EXPECT_EQ(result.background, 1);
  EXPECT_EQ(result.unlabelled, 1);
  EXPECT_EQ(result.objects_per_image, (std::vector<std::size_t>{3, 1, 0, 0}));
  EXPECT_EQ(std::accumulate(result.places.begin(), result.places.end(), 0.0), 3);
  EXPECT_EQ(result.places.back(), 1);  // the box beyond the corner counts in the corner
}

TEST(Statistics, OfSplitsAddUpToThatOfAll) {
  Dataset set;
  set.categories = {{0, "car", ""}, {1, "bus", ""}};
  set.images.resize(9);
  for (std::uint32_t i = 0; i < 9; ++i) {
    set.images[i].width = 640, set.images[i].height = 480;
    set.images[i].split = static_cast<Split>(i % 4);
    set.images[i].labelled = i % 3 > 0;
    for (std::uint32_t k = 0; k < i; ++k) set.annotations.push_back(object(i, k % 2, {10.0 * k, 10.0 * i, 30.0 + k, 33}));
  }
  const auto all = statistics(set);
  Statistics sum;
  sum.classes.resize(2);
  sum.places.resize(all.places.size());
  std::size_t images = 0;
  for (const Split split : {Split::kNone, Split::kTrain, Split::kVal, Split::kTest}) {
    const auto part = statistics(set, split);
    EXPECT_EQ(part.all.objects, all.splits[static_cast<std::size_t>(split)].objects);
    EXPECT_EQ(part.all.images, all.splits[static_cast<std::size_t>(split)].images);
    EXPECT_EQ(std::accumulate(part.objects_per_image.begin(), part.objects_per_image.end(), std::size_t{0}),
              part.all.objects);
    images += part.objects_per_image.size();
    sum.background += part.background;
    sum.unlabelled += part.unlabelled;
    for (std::size_t c = 0; c < 2; ++c) {
      sum.classes[c].objects += part.classes[c].objects;
      sum.classes[c].images += part.classes[c].images;
    }
    for (std::size_t p = 0; p < sum.places.size(); ++p) sum.places[p] += part.places[p];
  }
  EXPECT_EQ(images, 9U);
  EXPECT_EQ(sum.background, all.background);
  EXPECT_EQ(sum.unlabelled, all.unlabelled);
  EXPECT_EQ(sum.places, all.places);
  for (std::size_t c = 0; c < 2; ++c) {
    EXPECT_EQ(sum.classes[c].objects, all.classes[c].objects);
    EXPECT_EQ(sum.classes[c].images, all.classes[c].images);
  }
}

TEST(Statistics, ObjectsAreLabelsAndNoAnswersOfAModel) {
  Dataset set;
  set.images.resize(1);
  set.annotations.resize(4);
  set.annotations[0].score = 0.5F;
  set.annotations[1].score = 0;
  set.annotations[2].crowd = true;
  EXPECT_EQ(object_count(set), 1U);
  EXPECT_EQ(scored_count(set), 2U);
}

TEST(Statistics, TakesAnEmptySet) { EXPECT_EQ(statistics({}).all.objects, 0); }

}  // namespace
}  // namespace goshawk::dataset
