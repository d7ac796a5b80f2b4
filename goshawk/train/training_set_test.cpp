#include "goshawk/train/training_set.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "goshawk/core/error.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

/// Two images of 200 x 100 in train, one in val; classes a and b.
class TrainingSetTest : public testing::Test {
 protected:
  TrainingSetTest() : folder_(fs::temp_directory_path() / ("goshawk-training-set-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_ / "ignore/train");
    data_.root = folder_;
    data_.categories = {{0, "a"}, {1, "b"}};
    const auto add = [&](const std::string& name, dataset::Split split) {
      dataset::ImageEntry image;
      image.id = static_cast<std::int64_t>(data_.images.size()) + 1;
      image.file = "images/" + name + ".jpg";
      image.labels = "labels/" + name + ".txt";
      image.width = 200;
      image.height = 100;
      image.split = split;
      data_.images.push_back(image);
    };
    add("train/one", dataset::Split::kTrain);
    add("train/two", dataset::Split::kTrain);
    add("val/three", dataset::Split::kVal);
    object(0, 1, {10, 20, 30, 40});
    object(2, 0, {150, 50, 100, 20});  // partly outside
  }
  ~TrainingSetTest() override { fs::remove_all(folder_); }

  dataset::Annotation& object(std::uint32_t image, std::uint32_t category, const dataset::Rectangle& r) {
    dataset::Annotation annotation;
    annotation.image = image;
    annotation.category = category;
    annotation.rectangle = r;
    data_.annotations.push_back(annotation);
    return data_.annotations.back();
  }
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ / name) << text; }
  std::string failure() const {
    try {
      make_training_set(data_);
    } catch (const Error& error) {
      return error.describe();
    }
    return "";
  }

  fs::path folder_;
  dataset::Dataset data_;
};

TEST_F(TrainingSetTest, SplitsAndClipsToTheImage) {
  const auto set = make_training_set(data_);
  EXPECT_THAT(set.classes, ElementsAre("a", "b"));
  ASSERT_EQ(set.train.size(), 2U);
  ASSERT_EQ(set.val.size(), 1U);
  EXPECT_THAT(set.train[0].targets.objects, ElementsAre(Target{{10, 20, 40, 60}, 1}));
  EXPECT_TRUE(set.train[1].targets.objects.empty());
  EXPECT_THAT(set.val[0].targets.objects, ElementsAre(Target{{150, 50, 200, 70}, 0}));
  ASSERT_EQ(set.truth.annotations.size(), 1U);
  EXPECT_FALSE(set.truth.annotations[0].crowd);
  EXPECT_TRUE(set.notes.empty());
}

TEST_F(TrainingSetTest, ObjectsThatAreNotToBeScoredDoNotJudge) {
  data_.attributes = {{{"considered", "0"}}};
  object(0, 0, {50, 50, 10, 10}).attributes = 0;
  object(0, 0, {70, 50, 10, 10}).difficult = true;
  object(2, 1, {10, 10, 10, 10}).attributes = 0;
  object(2, 1, {30, 10, 10, 10}).difficult = true;
  dataset::sort_by_image(data_);
  const auto set = make_training_set(data_);
  EXPECT_THAT(set.train[0].targets.objects, ElementsAre(Target{{10, 20, 40, 60}, 1}, Target{{70, 50, 80, 60}, 0}))
      << "what is difficult is learned";
  EXPECT_THAT(set.train[0].targets.ignored, ElementsAre(Box{50, 50, 60, 60}));
  EXPECT_EQ(set.val[0].targets.objects.size(), 1U);
  EXPECT_THAT(set.val[0].targets.ignored, ElementsAre(Box{10, 10, 20, 20}, Box{30, 10, 40, 20}));
  EXPECT_EQ(std::ranges::count_if(set.truth.annotations, [](const auto& a) { return !a.crowd; }), 1);
  EXPECT_THAT(set.notes, ElementsAre(HasSubstr("2 objects are difficult")));
}

TEST_F(TrainingSetTest, IgnoredRegionsCountForEveryClass) {
  fs::create_directories(folder_ / "ignore/val");
  write("ignore/train/one.txt", "0.5 0.5 0.1 0.2\n\n");
  write("ignore/val/three.txt", "0.25 0.5 0.5 1\n");
  const auto set = make_training_set(data_);
  ASSERT_EQ(set.train[0].targets.ignored.size(), 1U);
  EXPECT_EQ(set.train[0].targets.ignored[0], (Box{90, 40, 110, 60}));
  ASSERT_EQ(set.truth.annotations.size(), 3U);  // the object; the region for a and for b
  EXPECT_TRUE(set.truth.annotations[1].crowd && set.truth.annotations[2].crowd);
  EXPECT_NE(set.truth.annotations[1].category, set.truth.annotations[2].category);
  EXPECT_EQ(set.truth.annotations[1].rectangle, (dataset::Rectangle{0, 0, 100, 100}));
}

TEST_F(TrainingSetTest, CrowdsBecomeIgnoredRegions) {
  object(2, 1, {0, 0, 50, 50}).crowd = true;
  const auto set = make_training_set(data_);
  EXPECT_EQ(set.val[0].targets.objects.size(), 1U);
  EXPECT_THAT(set.val[0].targets.ignored, ElementsAre(Box{0, 0, 50, 50}));
}

TEST_F(TrainingSetTest, AnswersOfAModelAreNoLabelsAndItIsSaid) {
  object(2, 1, {0, 0, 50, 50}).score = 0.5F;
  const auto set = make_training_set(data_);
  EXPECT_EQ(set.val[0].targets.objects.size(), 1U);
  ASSERT_EQ(set.notes.size(), 1U);
  EXPECT_THAT(set.notes[0], HasSubstr("1 object carries a confidence"));
  for (auto& annotation : data_.annotations) annotation.score = 0.5F;
  EXPECT_THAT(failure(), HasSubstr("3 objects carry"));  // in the images that judge, too
}

TEST_F(TrainingSetTest, PicturesOfUnknownSizeAreFewOrAnError) {
  data_.images[1].width = 0;
  const auto set = make_training_set(data_);
  EXPECT_EQ(set.train.size(), 1U);
  EXPECT_THAT(set.unreadable, ElementsAre(HasSubstr("train/two.jpg: its size cannot be read")));
  data_.images[2].width = 0;
  EXPECT_THAT(failure(), HasSubstr("1 of 1 pictures of the val split cannot be read"));
  data_.images[2].split = data_.images[0].split;
  EXPECT_THAT(failure(), HasSubstr("2 of 3 pictures of the train split cannot be read"));
}

TEST_F(TrainingSetTest, PartialLabelsSayWhoseAbsenceIsNotLearned) {
  write("partial.txt", "# comment\ntrain/one.jpg\tb\nval/three.jpg\t-\n");
  const auto set = make_training_set(data_);
  EXPECT_THAT(set.train[0].targets.unlabelled, ElementsAre(0));
  EXPECT_THAT(set.train[1].targets.unlabelled, ElementsAre());
  EXPECT_THAT(set.val[0].targets.unlabelled, ElementsAre(0, 1));
  // A detection that finds nothing there counts neither way.
  ASSERT_EQ(set.truth.annotations.size(), 3U);
  EXPECT_EQ(set.truth.annotations[2].rectangle, (dataset::Rectangle{0, 0, 200, 100}));

  write("partial.txt", "train/gone.jpg\tb\n");
  const auto trimmed = make_training_set(data_);
  ASSERT_EQ(trimmed.notes.size(), 1U);
  EXPECT_THAT(trimmed.notes[0], HasSubstr("'train/gone.jpg'"));
}

TEST_F(TrainingSetTest, BadLinesAreNamed) {
  write("partial.txt", "train/one.jpg\tcc b\n");
  EXPECT_THAT(failure(), HasSubstr("partial.txt:1"));
  write("partial.txt", "");
  write("ignore/train/one.txt", "0.5 0.5 0.1 0.1\n0.5 0.5 nan 0.1\n");
  EXPECT_THAT(failure(), HasSubstr("one.txt:2"));
}

TEST_F(TrainingSetTest, WithoutValTheTrainImagesJudgeAndItIsSaid) {
  data_.images.pop_back();
  data_.annotations.pop_back();
  const auto set = make_training_set(data_);
  EXPECT_EQ(set.val.size(), 2U);
  EXPECT_EQ(set.notes.size(), 1U);
}

TEST_F(TrainingSetTest, WithoutAnyLabelThereIsNothingToLearn) {
  data_.annotations.erase(data_.annotations.begin());
  EXPECT_THAT(failure(), HasSubstr("no image of the train split has a label"));
}

TEST_F(TrainingSetTest, TheFingerprintFollowsLabels) {
  const auto before = make_training_set(data_).fingerprint;
  EXPECT_EQ(before, make_training_set(data_).fingerprint);
  data_.annotations[0].rectangle.x += 1;
  EXPECT_NE(before, make_training_set(data_).fingerprint);
}

}  // namespace
}  // namespace goshawk::train
