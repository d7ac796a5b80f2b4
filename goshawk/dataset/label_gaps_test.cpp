#include "goshawk/dataset/label_gaps.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>

#include "goshawk/core/error.h"
#include "goshawk/dataset/class_map.h"
#include "goshawk/dataset/combine.h"
#include "goshawk/dataset/formats.h"
#include "goshawk/dataset/safe_path.h"
#include "goshawk/dataset/statistics.h"
#include "goshawk/dataset/testing.h"

namespace goshawk::dataset {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LabelGapsTest : public testing::FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    data_.root = folder_;
    data_.categories = {{0, "a"}, {1, "b"}, {2, "c"}};
    for (const char* name : {"train/one", "val/two"}) {
      ImageEntry image;
      image.id = static_cast<std::int64_t>(data_.images.size()) + 1;
      image.file = std::string("images/") + name + ".jpg";
      image.labels = std::string("labels/") + name + ".txt";
      image.width = 200, image.height = 100;
      data_.images.push_back(image);
    }
  }
  std::string failure() const {
    try {
      read_label_gaps(data_);
    } catch (const Error& error) {
      return error.describe();
    }
    return "";
  }

  Dataset data_;
};

TEST_F(LabelGapsTest, NoneWhereNeitherFileIs) { EXPECT_THAT(read_label_gaps(data_), ElementsAre(LabelGaps{}, LabelGaps{})); }

TEST_F(LabelGapsTest, ReadsRegionsAndClassesThatAreNotLabelled) {
  write("ignore/val/two.txt", "0.5 0.5 0.1 0.2\n\n");
  write("partial.txt", "# comment\ntrain/one.jpg\tb c\nval/two.jpg\t-\n");
  const auto gaps = read_label_gaps(data_);
  EXPECT_THAT(gaps[0].regions, IsEmpty());
  EXPECT_THAT(gaps[0].classes, ElementsAre(0U));
  EXPECT_THAT(gaps[1].regions, ElementsAre(Rectangle{90, 40, 20, 20}));
  EXPECT_THAT(gaps[1].classes, ElementsAre(0U, 1U, 2U));
}

TEST_F(LabelGapsTest, ImagesOfUnknownSizeHaveThemInFractions) {
  data_.images[0].width = data_.images[0].height = 0;
  write("ignore/train/one.txt", "0.5 0.5 0.5 0.5\n");
  EXPECT_THAT(read_label_gaps(data_)[0].regions, ElementsAre(Rectangle{0.25, 0.25, 0.5, 0.5}));
}

TEST_F(LabelGapsTest, TakesPathsFromTheRootAByteOrderMarkAndNamesWithBlanks) {
  data_.categories[1].name = "traffic light";
  write("images/train/other.jpg", "");  // an image that is not of this split
  write("partial.txt",
        "\xEF\xBB\xBFimages/train/one.jpg\ttraffic light\r\n./images/val/two.jpg\ta\ttraffic light\ntrain/other.jpg\tc\n");
  const auto gaps = read_label_gaps(data_);
  EXPECT_THAT(gaps[0].classes, ElementsAre(0U, 2U));
  EXPECT_THAT(gaps[1].classes, ElementsAre(2U));
}

TEST_F(LabelGapsTest, ImagesThatAreNotThereAreNamedAndPassedOver) {
  write("partial.txt", "# comment\ntrain/one.jpg\tb\ntrain/ome.jpg\tb\nval/tow.jpg\t-\n");
  std::vector<std::string> notes;
  const auto gaps = read_label_gaps(data_, &notes);
  EXPECT_THAT(gaps[0].classes, ElementsAre(0U, 2U));
  EXPECT_THAT(gaps[1].classes, IsEmpty());
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_THAT(notes[0], HasSubstr("2 lines"));
  EXPECT_THAT(notes[0], HasSubstr("'train/ome.jpg' in line 3"));

  notes.clear();
  write("partial.txt", "train/one.jpg\tb\n");
  read_label_gaps(data_, &notes);
  EXPECT_THAT(notes, IsEmpty());
}

TEST_F(LabelGapsTest, BadLinesAreNamed) {
  write("partial.txt", "train/one.jpg\tcc b\n");
  EXPECT_THAT(failure(), HasSubstr("partial.txt:1"));
  write("partial.txt", "");
  write("ignore/train/one.txt", "0.5 0.5 0.1 0.1\n0.5 0.5 nan 0.1\n");
  EXPECT_THAT(failure(), HasSubstr("one.txt:2"));
}

TEST_F(LabelGapsTest, CrowdsStandForThemInTheOrderOfImages) {
  Annotation object;
  object.image = 1;
  data_.annotations = {object};
  add_gaps_as_crowds(data_, std::vector<LabelGaps>{{{{1, 2, 3, 4}}, {}}, {{}, {2}}});
  ASSERT_EQ(data_.annotations.size(), 5U);  // the region for each of three classes; the object; all of image two for c
  EXPECT_EQ(object_count(data_), 1U);
  EXPECT_EQ(data_.annotations[2].category, 2U);
  EXPECT_EQ(data_.annotations[2].rectangle, (Rectangle{1, 2, 3, 4}));
  EXPECT_EQ(data_.annotations[4].rectangle, (Rectangle{0, 0, 200, 100}));
  EXPECT_EQ(annotations_by_image(data_), (std::vector<std::size_t>{0, 3, 5}));
}

TEST_F(LabelGapsTest, CrowdsStandForObjectsThatAreNotToBeScored) {
  data_.attributes = {{{"visibility", "0.5"}, {"considered", "0"}}, {{"considered", "1"}}};
  data_.annotations.resize(6);
  data_.annotations[1].difficult = true;
  data_.annotations[2].attributes = 0;
  data_.annotations[3].attributes = 1;
  data_.annotations[4].difficult = data_.annotations[4].crowd = true;
  data_.annotations[5].difficult = true;
  data_.annotations[5].score = 0.5F;  // a model's answer
  EXPECT_EQ(make_unscored_crowds(data_), 2U);
  std::vector<bool> crowds;
  for (const auto& object : data_.annotations) crowds.push_back(object.crowd);
  EXPECT_THAT(crowds, ElementsAre(false, true, true, false, true, false));
  EXPECT_THAT(unscored_note(2), HasSubstr("2 objects are difficult"));
}

/// What the labels of each image leave open, by the names of its file and classes, with regions in thousandths.
std::map<std::string, std::vector<std::string>> told(const Dataset& set) {
  std::map<std::string, std::vector<std::string>> all;
  const auto gaps = read_label_gaps(set);
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    const auto& image = set.images[i];
    auto& lines = all[std::string(file_name_of(image.file))];
    for (const auto c : gaps[i].classes) lines.push_back(set.categories[c].name);
    for (const auto& r : gaps[i].regions) {
      lines.push_back(std::to_string(std::lround(1000 * r.x / image.width)) + " " +
                      std::to_string(std::lround(1000 * r.width / image.width)));
    }
  }
  return all;
}

class GapsInSets : public testing::FolderTest {
 protected:
  /// As the commands that write read.
  Dataset read_set(const std::string& name) const {
    auto set = read_dataset(folder_ / name).dataset;
    load_label_gaps(set);
    return set;
  }
  Dataset rewritten(const Dataset& set, const std::string& name) const {
    write_dataset(set, Format::kYolo, folder_ / name);
    return read_dataset(folder_ / name).dataset;
  }
  void SetUp() override {
    FolderTest::SetUp();
    for (const std::string name : {"train/a", "train/b", "val/c"}) {
      write("set/images/" + name + ".png", testing::png_header(200, 100));
      write("set/labels/" + name + ".txt", "0 0.5 0.5 0.1 0.1\n");
    }
    write("set/data.yaml", "train: images/train\nval: images/val\nnames: [car, big van, bus]\n");
    write("set/ignore/train/b.txt", "0.5 0.5 0.1 0.2\n0.25 0.5 0.1 0.2\n");
    write("set/partial.txt", "train/a.png\tbig van\tcar\nval/c.png\t-\n");
  }
};

TEST_F(GapsInSets, StayWithTheirImages) {
  auto set = read_set("set");
  const auto before = told(set);
  EXPECT_THAT(before.at("a.png"), ElementsAre("bus"));
  EXPECT_THAT(before.at("b.png"), ElementsAre("450 100", "200 100"));
  EXPECT_EQ(told(rewritten(set, "copy")), before);
  set.images[0].split = Split::kVal;
  EXPECT_EQ(told(rewritten(set, "split")), before);
  keep_images(set, std::vector<char>{0, 1, 1});
  auto part = before;
  part.erase("a.png");
  EXPECT_EQ(told(rewritten(set, "part")), part);
}

TEST_F(GapsInSets, FollowTheirClasses) {
  auto set = read_set("set");
  map_classes(set, {{"bus", "car"}, {"big van", ""}});
  EXPECT_THAT(told(rewritten(set, "joined")).at("a.png"), ElementsAre("car")) << "no bus was labelled in full";
  write("other/images/d.png", testing::png_header(200, 100));
  write("other/labels/d.txt", "0 0.5 0.5 0.1 0.1\n");
  write("other/ignore/d.txt", "0.5 0.5 0.1 0.2\n");
  write("other/partial.txt", "d.png\tbus\n");
  write("other/data.yaml", "train: images\nval: images\nnames: [bus, bike, person]\n");
  const auto all = told(rewritten(merge({read_set("set"), read_set("other")}), "all"));
  EXPECT_THAT(all.at("a.png"), ElementsAre("bus", "bike", "person")) << "its set does not have these";
  EXPECT_THAT(all.at("b.png"), ElementsAre("450 100", "200 100"));
  EXPECT_THAT(all.at("d.png"), ElementsAre("car", "big van", "bike", "person", "450 100"));
}

TEST_F(GapsInSets, AreToldWhereAFormatCannotHoldThem) {
  const auto notes = write_dataset(read_set("set"), Format::kCoco, folder_ / "coco");
  ASSERT_THAT(notes, ::testing::SizeIs(1));
  EXPECT_THAT(notes[0].message, HasSubstr("partial.txt"));
  EXPECT_THAT(notes[0].message, HasSubstr("3 dropped"));
}

}  // namespace
}  // namespace goshawk::dataset
