// LabelImg 1.8, both of its formats.
#include <gmock/gmock.h>

#include "goshawk/core/error.h"
#include "goshawk/dataset/formats.h"
#include "goshawk/dataset/testing.h"

namespace goshawk::dataset {
namespace {

using testing::brief;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::png_header;
using LabelImg = testing::FolderTest;

constexpr const char* kXml = R"(<annotation verified="yes">
	<folder>photos</folder>
	<filename>a.png</filename>
	<path>C:\Users\somebody\photos\a.png</path>
	<source>
		<database>Unknown</database>
	</source>
	<size>
		<width>80</width>
		<height>40</height>
		<depth>1</depth>
	</size>
	<segmented>0</segmented>
	<object>
		<name>dog</name>
		<pose>Unspecified</pose>
		<truncated>0</truncated>
		<difficult>1</difficult>
		<bndbox>
			<xmin>1</xmin>
			<ymin>2</ymin>
			<xmax>30</xmax>
			<ymax>40</ymax>
		</bndbox>
	</object>
</annotation>
)";

TEST_F(LabelImg, ReadsXmlBesideImages) {
  write("a.xml", kXml);
  write("a.png", png_header(80, 40));
  write("b.png", png_header(8, 4));
  const auto [set, problems, left_out] = read_dataset(folder_);
  EXPECT_THAT(problems, IsEmpty());
  ASSERT_EQ(set.images.size(), 2U);
  EXPECT_EQ(set.images[0].file, "a.png");
  EXPECT_FALSE(set.images[1].labelled);
  const Attributes verified{{"depth", "1"}, {"verified", "yes"}};
  EXPECT_EQ(set.attributes.at(static_cast<std::size_t>(set.images[0].attributes)), verified);
  ASSERT_EQ(set.annotations.size(), 1U);
  EXPECT_EQ(set.annotations[0].rectangle, (Rectangle{1, 2, 29, 38}));
  EXPECT_TRUE(set.annotations[0].difficult);
  EXPECT_EQ(set.annotations[0].attributes, -1);
}

TEST_F(LabelImg, ReadsTextAndPrefersXml) {
  write("classes.txt", "cat\ndog\n");
  write("a.xml", kXml);
  write("a.txt", "0 0.5 0.5 0.5 0.5\n");
  write("a.png", png_header(80, 40));
  write("0.txt", "1 0.5 0.5 0.25 0.5\n7 0.5 0.5 0.25 0.5\n");
  write("0.png", png_header(80, 40));
  write("notes.txt", "buy milk\n");
  const auto [set, problems, left_out] = read_dataset(folder_);
  EXPECT_THAT(brief(problems), ElementsAre("orphan_labels notes.txt:0", "unknown_class 0.txt:2"));
  ASSERT_EQ(set.images.size(), 2U);
  ASSERT_EQ(set.annotations.size(), 2U);
  EXPECT_EQ(set.images[0].file, "0.png");
  EXPECT_EQ(set.annotations[0].rectangle, (Rectangle{30, 10, 20, 20}));
  EXPECT_EQ(set.annotations[0].image, 0U);
  EXPECT_EQ(set.annotations[1].image, 1U);
  EXPECT_EQ(set.annotations[1].category, 1U);
}

TEST_F(LabelImg, LeavesOutLabelsOfAnotherListOfClasses) {
  write("classes.txt", "cat\ndog\n");
  write("a.txt", "1 0.5 0.5 0.25 0.5\n");
  write("a.png", png_header(80, 40));
  write("other/classes.txt", "dog\ncat\n");
  write("other/a.txt", "1 0.5 0.5 0.25 0.5\n");
  write("other/a.png", png_header(80, 40));
  const auto result = read_dataset(folder_);
  EXPECT_THAT(brief(result.problems), ElementsAre("unknown_class other/classes.txt:0"));
  EXPECT_EQ(result.dataset.annotations.size(), 1U);
}

TEST_F(LabelImg, WritesBothOfItsFormats) {
  write("in/classes.txt", "cat\ndog\n");
  write("in/a.xml", kXml);
  write("in/a.png", png_header(80, 40));
  write("in/train/0.txt", "1 0.5 0.5 0.25 0.5\n");
  write("in/train/0.png", png_header(80, 40));
  write("in/train/1.txt", "");
  write("in/train/1.png", png_header(80, 40));
  write("in/train/2.png", png_header(80, 40));
  const auto set = read_dataset(folder_ / "in").dataset;
  WriteOptions options;
  EXPECT_THAT(write_dataset(set, Format::kLabelImg, folder_ / "xml", options), IsEmpty());
  options.text = true;
  EXPECT_THAT(write_dataset(set, Format::kLabelImg, folder_ / "text", options),
              ::testing::SizeIs(2));  // difficult, verified
  for (const char* place : {"xml", "text"}) {
    const auto again = read_dataset(folder_ / place);
    EXPECT_THAT(again.problems, IsEmpty());
    EXPECT_EQ(again.dataset.categories, set.categories);
    ASSERT_EQ(again.dataset.images.size(), set.images.size());
    for (std::size_t i = 0; i < set.images.size(); ++i) {
      EXPECT_EQ(again.dataset.images[i].file, set.images[i].file);
      EXPECT_EQ(again.dataset.images[i].split, set.images[i].split);
      EXPECT_EQ(again.dataset.images[i].labelled, set.images[i].labelled);
    }
    ASSERT_EQ(again.dataset.annotations.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
      const Rectangle &a = again.dataset.annotations[i].rectangle, &b = set.annotations[i].rectangle;
      for (const double d : {a.x - b.x, a.y - b.y, a.width - b.width, a.height - b.height}) EXPECT_NEAR(d, 0, 1e-12);
    }
  }
}

TEST_F(LabelImg, SaysThatThereIsNothing) { EXPECT_THROW(read_dataset(folder_, Format::kLabelImg), Error); }

}  // namespace
}  // namespace goshawk::dataset
