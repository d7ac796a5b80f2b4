// Pascal VOC, as the tools write it.
#include <gmock/gmock.h>

#include <array>
#include <cmath>
#include <random>
#include <sstream>

#include "goshawk/core/error.h"
#include "goshawk/dataset/decimal.h"
#include "goshawk/dataset/formats.h"
#include "goshawk/dataset/testing.h"
#include "goshawk/dataset/voc_xml.h"

namespace goshawk::dataset {
namespace {

using testing::brief;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::png_header;
using VocFiles = testing::FolderTest;

std::string object(const std::string& name, const std::string& box, const std::string& more = "") {
  std::array<std::string, 4> corners;
  std::istringstream words(box);
  for (auto& corner : corners) words >> corner;
  return "<object><name>" + name + "</name>" + more + "<bndbox><xmin>" + corners[0] + "</xmin><ymin>" + corners[1] +
         "</ymin><xmax>" + corners[2] + "</xmax><ymax>" + corners[3] + "</ymax></bndbox></object>\n";
}

std::string file(const std::string& filename, const std::string& objects, const std::string& size = "640 480") {
  std::string width, height;
  std::istringstream(size) >> width >> height;
  return "<annotation><folder>x</folder><filename>" + filename + "</filename><size><width>" + width + "</width><height>" +
         height + "</height><depth>3</depth></size><segmented>0</segmented>\n" + objects + "</annotation>\n";
}

/// As the development kit of 2012 has it.
constexpr const char* kDevkitFile = R"(<annotation>
	<filename>2012_000003.jpg</filename>
	<folder>VOC2012</folder>
	<object>
		<name>person</name>
		<actions>
			<jumping>1</jumping>
		</actions>
		<bndbox>
			<xmax>295</xmax>
			<xmin>123</xmin>
			<ymax>487</ymax>
			<ymin>32</ymin>
		</bndbox>
		<difficult>0</difficult>
		<pose>Frontal</pose>
		<truncated>1</truncated>
		<occluded>1</occluded>
		<part>
			<name>head</name>
			<bndbox>
				<xmin>169.5</xmin>
				<ymin>32</ymin>
				<xmax>248</xmax>
				<ymax>138</ymax>
			</bndbox>
		</part>
		<part>
			<name>left hand</name>
			<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>
		</part>
	</object>
	<segmented>1</segmented>
	<size>
		<depth>3</depth>
		<height>500</height>
		<width>334</width>
	</size>
	<source>
		<annotation>PASCAL VOC2012</annotation>
		<database>The VOC2012 Database</database>
		<image>flickr</image>
	</source>
</annotation>
)";

TEST_F(VocFiles, ReadsTheDevelopmentKit) {
  write("VOC2012/Annotations/2012_000003.xml", kDevkitFile);
  write("VOC2012/JPEGImages/2012_000003.jpg", "");
  write("VOC2012/Annotations/2012_000004.xml", file("2012_000004.jpg", ""));
  write("VOC2012/JPEGImages/2012_000004.jpg", "");
  write("VOC2012/JPEGImages/2012_000005.png", png_header(30, 20));
  write("VOC2012/ImageSets/Main/train.txt", "2012_000003\n");
  write("VOC2012/ImageSets/Main/trainval.txt", "2012_000003\n2012_000004\n");
  write("VOC2012/ImageSets/Main/val.txt", "2012_000004  1\r\n");
  const auto [set, problems, left_out] = read_dataset(folder_, Format::kVoc);
  EXPECT_THAT(brief(problems), ElementsAre("dropped :0"));
  EXPECT_EQ(problems[0].message, "elements 'actions' of objects are not kept (1)");
  ASSERT_EQ(set.images.size(), 3U);
  EXPECT_EQ(set.images[0].file, "VOC2012/JPEGImages/2012_000003.jpg");
  EXPECT_EQ(set.images[0].labels, "VOC2012/Annotations/2012_000003.xml");
  EXPECT_EQ(set.images[0].width, 334U);
  EXPECT_EQ(set.images[0].height, 500U);
  EXPECT_EQ(set.images[0].split, Split::kTrain);
  EXPECT_EQ(set.images[1].split, Split::kVal);
  EXPECT_TRUE(set.images[1].labelled);
  EXPECT_FALSE(set.images[2].labelled);
  EXPECT_EQ(set.images[2].width, 30U);
  const Attributes of_image{{"source.annotation", "PASCAL VOC2012"},
                            {"source.database", "The VOC2012 Database"},
                            {"source.image", "flickr"},
                            {"segmented", "1"}};
  EXPECT_EQ(set.attributes.at(static_cast<std::size_t>(set.images[0].attributes)), of_image);
  ASSERT_EQ(set.annotations.size(), 1U);
  const Annotation& person = set.annotations[0];
  EXPECT_EQ(person.rectangle, (Rectangle{123, 32, 172, 455}));
  EXPECT_EQ(person.line, 4U);
  EXPECT_TRUE(person.truncated && person.occluded && !person.difficult);
  const Attributes of_person{{"pose", "Frontal"}, {"parts", "head 169.5 32 248 138; left hand 1 2 3 4"}};
  EXPECT_EQ(set.attributes.at(static_cast<std::size_t>(person.attributes)), of_person);
}

TEST_F(VocFiles, ReadsSplitsFromFoldersAndImagesBesideTheirLabels) {  // as Roboflow exports them
  for (const char* split : {"train", "valid", "test"}) {
    write(std::string(split) + "/a_jpg.rf.0.xml", file("a_jpg.rf.0.jpg", object("cat", "1 2 3 4")));
    write(std::string(split) + "/a_jpg.rf.0.jpg", "");
  }
  const auto result = read_dataset(folder_, Format::kVoc);
  EXPECT_THAT(result.problems, IsEmpty());
  ASSERT_EQ(result.dataset.images.size(), 3U);
  EXPECT_EQ(result.dataset.images[0].file, "test/a_jpg.rf.0.jpg");
  EXPECT_EQ(result.dataset.images[0].split, Split::kTest);
  EXPECT_EQ(result.dataset.images[1].split, Split::kTrain);
  EXPECT_EQ(result.dataset.images[2].split, Split::kVal);
}

TEST_F(VocFiles, FindsImagesByTheirLabelsNameWhereTheStatedOneIsNotThere) {
  write("Annotations/a.xml", file("IMG_1234.JPG", ""));
  write("JPEGImages/a.png", png_header(640, 480));
  write("Annotations/b.xml", file("b", ""));  // LabelImg's older versions leave the extension away
  write("JPEGImages/b.png", png_header(640, 480));
  write("Annotations/c.xml", file("gone.jpg", ""));
  const auto result = read_dataset(folder_ / "Annotations", Format::kVoc);
  ASSERT_EQ(result.dataset.images.size(), 3U);
  EXPECT_EQ(result.dataset.images[0].file, "JPEGImages/a.png");
  EXPECT_EQ(result.dataset.images[1].file, "JPEGImages/b.png");
  EXPECT_EQ(result.dataset.images[2].file, "JPEGImages/gone.jpg");
}

TEST_F(VocFiles, ListsEachBadObjectOnce) {
  write("Annotations/a.xml",
        file("a.jpg", object("cat", "nan 2 3 4") + object("cat", "1 2 inf 4") + object("cat", "3 2 1 4") +
                          object("cat", "1,5 2 3 4") + object("", "1 2 3 4") + "<object><name>cat</name></object>\n" +
                          object("cat", "-5 2 9999 4") + object("cat", "1e999 2 3 4")));
  const auto result = read_dataset(folder_, Format::kVoc);
  EXPECT_THAT(brief(result.problems), ElementsAre("not_finite Annotations/a.xml:2", "not_finite Annotations/a.xml:3",
                                                  "degenerate_box Annotations/a.xml:4", "bad_line Annotations/a.xml:5",
                                                  "unknown_class Annotations/a.xml:6", "bad_line Annotations/a.xml:7",
                                                  "not_finite Annotations/a.xml:9"));
  ASSERT_EQ(result.dataset.annotations.size(), 1U);  // boxes beyond the image are for `check` to find
  EXPECT_EQ(result.dataset.annotations[0].rectangle, (Rectangle{-5, 2, 10004, 2}));
}

TEST_F(VocFiles, ListsBadFilesAndReadsTheOthers) {
  write("Annotations/a.xml", "<annotation>\n<object>");
  write("Annotations/b.xml", "<!DOCTYPE x [<!ENTITY a 'b'>]><annotation/>");
  write("Annotations/c.xml", "<html/>");
  write("Annotations/d.xml", file("d.jpg", object("cat", "1 2 3 4")));
  write("Annotations/e.xml", file("../../secret.jpg", object("cat", "1 2 3 4")));
  write("Annotations/f.xml", file("/etc/secret.jpg", object("cat", "1 2 3 4")));
  write("Annotations/g.xml", file("d.jpg", object("cat", "1 2 3 4")));
  write("JPEGImages/a.jpg", "");
  write("JPEGImages/d.jpg", "");
  const auto result = read_dataset(folder_, Format::kVoc);
  EXPECT_THAT(brief(result.problems), ElementsAre("bad_line Annotations/a.xml:2", "bad_line Annotations/b.xml:1",
                                                  "bad_line Annotations/c.xml:1", "unsafe_path Annotations/e.xml:0",
                                                  "unsafe_path Annotations/f.xml:0", "orphan_labels Annotations/g.xml:0"));
  ASSERT_EQ(result.dataset.images.size(), 1U);  // not a.jpg, which is not unlabelled either
  EXPECT_EQ(result.dataset.images[0].file, "JPEGImages/d.jpg");
}

TEST_F(VocFiles, StopsAtTheLimitOfObjects) {
  std::string objects;
  for (int i = 0; i < 11; ++i) objects += object("cat", "1 2 3 4");
  write("Annotations/a.xml", file("a.jpg", objects));
  ReadLimits limits;
  limits.objects_per_image = 10;
  const auto result = read_dataset(folder_, Format::kVoc, limits);
  EXPECT_THAT(brief(result.problems), ElementsAre("too_many Annotations/a.xml:12"));
  EXPECT_EQ(result.dataset.annotations.size(), 10U);
}

TEST_F(VocFiles, TakesASizeThatIsNotStatedFromTheImage) {
  write("a.xml", file("a.png", object("cat", "1 2 3 4"), "0 0"));
  write("a.png", png_header(50, 40));
  write("b.xml", file("b.png", object("cat", "1 2 300 4"), "x y"));
  const auto result = read_dataset(folder_, Format::kVoc);
  EXPECT_EQ(result.dataset.images[0].width, 50U);
  EXPECT_EQ(result.dataset.images[1].width, 300U);
  EXPECT_EQ(result.dataset.annotations[0].rectangle, (Rectangle{1, 2, 2, 2}));
  EXPECT_EQ(result.dataset.annotations[1].rectangle, (Rectangle{1, 2, 299, 2}));
  EXPECT_THAT(brief(result.problems), ElementsAre("size_differs b.xml:0"));
}

TEST_F(VocFiles, SaysThatThereIsNothing) {
  try {
    read_dataset(folder_, Format::kVoc);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  }
}

/// Everything that VOC holds, for comparing.
std::vector<std::string> described(const Dataset& set) {
  std::vector<std::string> lines;
  const auto attributes = [&](std::int32_t index) {
    std::string text;
    if (index < 0) return text;
    for (const auto& [name, value] : set.attributes[static_cast<std::size_t>(index)]) text += " " + name + "=" + value;
    return text;
  };
  for (const auto& c : set.categories) lines.push_back("class " + c.name + " " + c.color);
  for (const auto& i : set.images) {
    lines.push_back("image " + i.file + " " + std::to_string(i.width) + "x" + std::to_string(i.height) + " " +
                    name(i.split) + (i.labelled ? " labelled" : "") + attributes(i.attributes));
  }
  for (const auto& a : set.annotations) {
    const auto& r = a.rectangle;
    lines.push_back(std::to_string(a.image) + " " + std::to_string(a.category) + " " + decimal_text(r.x) + " " +
                    decimal_text(r.y) + " " + decimal_text(r.width) + " " + decimal_text(r.height) + " " +
                    std::to_string(a.difficult) + std::to_string(a.truncated) + std::to_string(a.occluded) +
                    attributes(a.attributes));
  }
  return lines;
}

TEST_F(VocFiles, WritesWhatItReads) {
  write("VOC2012/Annotations/2012_000003.xml", kDevkitFile);
  write("VOC2012/JPEGImages/2012_000003.jpg", "");
  write("VOC2012/Annotations/day 1/b&c.xml",
        file("b&amp;c.jpg", object("sea &lt; lion", "0.1 0.2 10.3 20.7", "<difficult>1</difficult>") +
                                object("cat", "1 2 3 4",
                                       "<attributes><attribute><name>age</name><value>3 &amp; 4</value>"
                                       "</attribute></attributes>")));
  write("VOC2012/JPEGImages/day 1/b&c.jpg", "");
  write("VOC2012/JPEGImages/day 1/unlabelled.png", png_header(3, 4));
  write("VOC2012/ImageSets/Main/val.txt", "day 1/b&c\n");
  const auto first = read_dataset(folder_ / "VOC2012", Format::kVoc).dataset;
  EXPECT_THAT(write_dataset(first, Format::kVoc, folder_ / "again"), IsEmpty());
  const auto second = read_dataset(folder_ / "again");
  EXPECT_THAT(second.problems, IsEmpty());
  EXPECT_EQ(described(first), described(second.dataset));
  EXPECT_EQ(read("again/JPEGImages/day 1/unlabelled.png"), png_header(3, 4));
  write_dataset(second.dataset, Format::kVoc, folder_ / "third");
  EXPECT_EQ(read("again/Annotations/day 1/b&c.xml"), read("third/Annotations/day 1/b&c.xml"));
  EXPECT_NE(read("third/Annotations/day 1/b&c.xml"), "");
}

TEST_F(VocFiles, SaysWhatItCannotHold) {
  Dataset set;
  set.categories = {{7, "cat", "animal"}};
  ImageEntry image;
  image.id = 1;
  image.file = "a.jpg";
  image.width = image.height = 10;
  set.images.push_back(image);
  set.annotations.push_back({.rectangle = {1, 2, 3, 4}, .score = 0.5F, .mask = 0, .track = 3});
  set.annotations.push_back({.rectangle = {1, 2, 3, 4}, .crowd = true});
  set.masks.push_back(Polygons{{1, 2, 3, 4, 5, 6}});
  WriteOptions options;
  options.images = Images::kNone;
  std::vector<std::string> messages;
  for (const auto& p : write_dataset(set, Format::kVoc, folder_ / "out", options)) messages.push_back(p.message);
  EXPECT_EQ(messages.size(), 6U) << ::testing::PrintToString(messages);
  EXPECT_EQ(read_dataset(folder_ / "out").dataset.annotations.size(), 1U);
}

TEST(VocNumbers, SumsOfDecimalsComeBackExactly) {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> tenths(0, 100'000), digits(0, 4);
  for (int i = 0; i < 100'000; ++i) {
    const double scale = std::pow(10.0, digits(random));
    const double a = tenths(random) / scale, b = a + tenths(random) / scale;
    const double low = nearest_decimal(a), high = nearest_decimal(b);
    const double width = nearest_decimal(high - low);                // as read
    ASSERT_EQ(nearest_decimal(low + width), high) << a << " " << b;  // as written
    ASSERT_LE(decimal_text(width).size(), 12U) << a << " " << b;
  }
}

}  // namespace
}  // namespace goshawk::dataset
