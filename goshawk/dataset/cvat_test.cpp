// CVAT 1.1 XML, as CVAT 2 exports it.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <sstream>

#include "goshawk/core/error.h"
#include "goshawk/dataset/cvat_mask.h"
#include "goshawk/dataset/cvat_xml.h"
#include "goshawk/dataset/decimal.h"
#include "goshawk/dataset/formats.h"
#include "goshawk/dataset/rle.h"
#include "goshawk/dataset/testing.h"
#include "goshawk/dataset/zip_archive.h"

namespace goshawk::dataset {
namespace {

using testing::brief;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::png_header;
using CvatFiles = testing::FolderTest;

constexpr const char* kTask = R"(<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>7</id>
      <name>street</name>
      <size>2</size>
      <mode>annotation</mode>
      <labels>
        <label>
          <name>car</name>
          <color>#2080c0</color>
          <type>any</type>
          <attributes>
            <attribute>
              <name>paint</name>
              <mutable>False</mutable>
              <input_type>select</input_type>
              <default_value>red</default_value>
              <values>red
blue &amp; white</values>
            </attribute>
          </attributes>
        </label>
        <label>
          <name>person</name>
          <color>#c06060</color>
          <type>any</type>
          <attributes>
          </attributes>
        </label>
      </labels>
    </task>
    <dumped>2026-01-01 10:00:00.000000+00:00</dumped>
  </meta>
  <image id="0" name="a.jpg" width="640" height="480">
    <box label="car" source="manual" occluded="1" xtl="10.30" ytl="20.00" xbr="110.70" ybr="220.50" z_order="2" group_id="3">
      <attribute name="paint">blue &amp; white</attribute>
    </box>
    <polygon label="person" source="auto" occluded="0" points="1.00,2.00;11.00,2.00;11.00,12.50" z_order="0">
    </polygon>
    <mask label="person" source="manual" occluded="0" rle="1, 2, 3" left="5" top="6" width="3" height="2" z_order="0">
    </mask>
    <polyline label="car" source="manual" occluded="0" points="1.00,2.00;3.00,4.00" z_order="0">
    </polyline>
    <points label="car" source="manual" occluded="0" points="1.00,2.00" z_order="0">
    </points>
    <points label="car" source="manual" occluded="0" points="1.00,2.00" z_order="0">
    </points>
    <cuboid label="car" source="manual" occluded="0" xtl1="1.00" ytl1="1.00" z_order="0">
    </cuboid>
    <tag label="person" source="manual">
    </tag>
  </image>
  <image id="1" name="night/b.jpg" width="320" height="240">
  </image>
</annotations>
)";

std::string image(const std::string& shapes, const std::string& name = "a.jpg") {
  return "<annotations><version>1.1</version><meta><task><labels><label><name>car</name></label></labels></task></meta>\n"
         "<image id=\"0\" name=\"" +
         name + "\" width=\"64\" height=\"48\">\n" + shapes + "</image></annotations>";
}

std::string box(const std::string& corners, const std::string& label = "car") {
  std::array<std::string, 4> c;
  std::istringstream words(corners);
  for (auto& corner : c) words >> corner;
  return "<box label=\"" + label + "\" xtl=\"" + c[0] + "\" ytl=\"" + c[1] + "\" xbr=\"" + c[2] + "\" ybr=\"" + c[3] +
         "\"/>\n";
}

/// Everything that CVAT holds, for comparing.
std::vector<std::string> described(const Dataset& set) {
  std::vector<std::string> lines;
  const auto attributes = [&](std::int32_t index) {
    std::string text;
    if (index < 0) return text;
    for (const auto& [name, value] : set.attributes[static_cast<std::size_t>(index)]) text += " " + name + "=" + value;
    return text;
  };
  for (const auto& c : set.categories)
    lines.push_back("class " + c.name + " " + c.color + " " + std::to_string(c.attribute_rules.size()));
  for (const auto& i : set.images) {
    lines.push_back("image " + std::to_string(i.id) + " " + i.file + " " + std::to_string(i.width) + "x" +
                    std::to_string(i.height) + " " + name(i.split) + attributes(i.attributes));
  }
  for (const auto& a : set.annotations) {
    std::string mask;
    if (a.mask >= 0) {
      const Mask& m = set.masks[static_cast<std::size_t>(a.mask)];
      if (const auto* polygons = std::get_if<Polygons>(&m)) mask = ::testing::PrintToString(*polygons);
      else mask = ::testing::PrintToString(std::get<RunLengths>(m).counts);
    }
    const auto& r = a.rectangle;
    lines.push_back(std::to_string(a.image) + " " + std::to_string(a.category) + " " + decimal_text(r.x) + " " +
                    decimal_text(r.y) + " " + decimal_text(r.width) + " " + decimal_text(r.height) + " " +
                    std::to_string(a.difficult) + std::to_string(a.truncated) + std::to_string(a.occluded) +
                    std::to_string(a.crowd) + " " + std::to_string(a.score) + " " + std::to_string(a.track) + " " + mask +
                    attributes(a.attributes));
  }
  return lines;
}

TEST_F(CvatFiles, ReadsATask) {
  write("annotations.xml", kTask);
  write("images/a.jpg", "");
  const auto [set, problems, left_out] = read_dataset(folder_);
  EXPECT_THAT(brief(problems),
              ElementsAre("dropped annotations.xml:0", "dropped annotations.xml:0", "dropped annotations.xml:0"));
  EXPECT_EQ(problems[0].message, "polylines are not kept (1)");
  EXPECT_EQ(problems[1].message, "points are not kept (2)");
  EXPECT_EQ(problems[2].message, "cuboids are not kept (1)");
  ASSERT_EQ(set.categories.size(), 2U);
  const Category car{0, "car", "", "#2080c0", {{"paint", "select", "red", "red\nblue & white", false}}};
  EXPECT_EQ(set.categories[0], car);
  ASSERT_EQ(set.images.size(), 2U);
  EXPECT_EQ(set.images[0].file, "images/a.jpg");
  EXPECT_EQ(set.images[1].file, "images/night/b.jpg");
  EXPECT_EQ(set.images[1].width, 320U);
  ASSERT_EQ(set.annotations.size(), 3U);
  const Annotation &first = set.annotations[0], &polygon = set.annotations[1], &mask = set.annotations[2];
  EXPECT_EQ(first.rectangle, (Rectangle{10.3, 20, 100.4, 200.5}));
  EXPECT_TRUE(first.occluded);
  EXPECT_EQ(first.line, 38U);
  const Attributes attributes{{"cvat.z_order", "2"}, {"cvat.group_id", "3"}, {"paint", "blue & white"}};
  EXPECT_EQ(set.attributes.at(static_cast<std::size_t>(first.attributes)), attributes);
  EXPECT_EQ(polygon.rectangle, (Rectangle{1, 2, 10, 10.5}));
  EXPECT_EQ(polygon.area, 52.5);
  EXPECT_EQ(std::get<Polygons>(set.masks.at(static_cast<std::size_t>(polygon.mask))), (Polygons{{1, 2, 11, 2, 11, 12.5}}));
  EXPECT_EQ(mask.rectangle, (Rectangle{6, 6, 2, 1}));
  EXPECT_EQ(mask.area, 2);
  const Attributes tags{{"cvat.tag.person", "manual"}};
  EXPECT_EQ(set.attributes.at(static_cast<std::size_t>(set.images[0].attributes)), tags);
}

TEST_F(CvatFiles, ReadsAProject) {
  write("annotations.xml",
        "<annotations><version>1.1</version><meta><project><labels><label><name>car</name></label></labels>"
        "<subsets>Train\nTest</subsets></project></meta>"
        "<image id='0' name='a.jpg' subset='Train' task_id='1' width='10' height='20'/>"
        "<image id='0' name='a.jpg' subset='Test' task_id='2' width='10' height='20'/>"
        "<image id='1' name='b.jpg' subset='default' task_id='3' width='10' height='20'/></annotations>");
  for (const char* file : {"images/Train/a.jpg", "images/Test/a.jpg", "images/default/b.jpg"}) write(file, "");
  const auto result = read_dataset(folder_);
  EXPECT_THAT(result.problems, IsEmpty());
  ASSERT_EQ(result.dataset.images.size(), 3U);
  EXPECT_EQ(result.dataset.images[0].file, "images/Train/a.jpg");
  EXPECT_EQ(result.dataset.images[0].split, Split::kTrain);
  EXPECT_EQ(result.dataset.images[1].split, Split::kTest);
  EXPECT_EQ(result.dataset.images[2].split, Split::kNone);
  EXPECT_NE(result.dataset.images[0].id, result.dataset.images[1].id);
}

TEST_F(CvatFiles, ListsEachBadObjectOnce) {
  write("annotations.xml",
        image(box("nan 2 3 4") + box("1 2 inf 4") + box("3 2 1 4") + box("1,5 2 3 4") + box("1 2 3 4", "plane") +
              "<polygon label='car' points='1,2;3,4'/>\n<polygon label='car' points='1,2;3,4;nan,5'/>\n"
              "<mask label='car' rle='1, 2' left='0' top='0' width='2' height='2'/>\n"
              "<mask label='car' rle='0, 4' left='63' top='0' width='2' height='2'/>\n"
              "<mask label='car' rle='4' left='0' top='0' width='2' height='2'/>\n" +
              box("-5 2 9999 4")));
  const auto result = read_dataset(folder_);
  EXPECT_THAT(brief(result.problems),
              ElementsAre("not_finite annotations.xml:3", "not_finite annotations.xml:4", "degenerate_box annotations.xml:5",
                          "bad_line annotations.xml:6", "unknown_class annotations.xml:7", "bad_line annotations.xml:8",
                          "not_finite annotations.xml:9", "bad_line annotations.xml:10", "bad_line annotations.xml:11",
                          "degenerate_box annotations.xml:12"));
  EXPECT_EQ(result.dataset.annotations.size(), 1U);
}

TEST_F(CvatFiles, LeavesOutImagesWhoseNamesLeadOut) {
  for (const char* name : {"../../x.jpg", "/etc/x.jpg", "C:\\x.jpg", "a/../../x.jpg", ""}) {
    write("annotations.xml", image(box("1 2 3 4"), name));
    const auto result = read_dataset(folder_);
    EXPECT_THAT(brief(result.problems), ElementsAre("unsafe_path annotations.xml:2")) << name;
    EXPECT_TRUE(result.dataset.images.empty());
  }
}

TEST_F(CvatFiles, RefusesWhatIsNoCvat) {
  for (const char* text : {"", "<annotations", "<annotation/>", "<!DOCTYPE a [<!ENTITY x 'y'>]><annotations/>"}) {
    write("annotations.xml", text);
    EXPECT_THROW(read_dataset(folder_ / "annotations.xml", Format::kCvat), Error) << text;
  }
}

TEST_F(CvatFiles, StopsAtTheLimitOfObjects) {
  std::string boxes;
  for (int i = 0; i < 11; ++i) boxes += box("1 2 3 4");
  write("annotations.xml", image(boxes));
  ReadLimits limits;
  limits.objects_per_image = 10;
  const auto result = read_dataset(folder_, {}, limits);
  EXPECT_THAT(brief(result.problems), ElementsAre("too_many annotations.xml:13"));
  EXPECT_EQ(result.dataset.annotations.size(), 10U);
}

TEST_F(CvatFiles, ATurnedBoxIsTheOutlineOfItsCorners) {
  write("annotations.xml", image(R"(<box label="car" xtl="10" ytl="20" xbr="30" ybr="24" rotation="90.00"/>
<box label="car" xtl="10" ytl="20" xbr="30" ybr="30" rotation="30"/><box label="car" xtl="1" ytl="2" xbr="3" ybr="5" rotation="360"/>
<box label="car" xtl="1" ytl="2" xbr="3" ybr="5" rotation="x"/>)"));
  write("images/a.jpg", "");
  const auto [set, problems, left_out] = read_dataset(folder_);
  EXPECT_THAT(brief(problems), ElementsAre("bad_line annotations.xml:5"));
  ASSERT_EQ(set.annotations.size(), 3U);
  EXPECT_EQ(set.annotations[0].rectangle, (Rectangle{18, 12, 4, 20}));
  EXPECT_EQ(set.annotations[0].area, 80);
  EXPECT_EQ(set.masks.at(0), Mask(Polygons{{22, 12, 22, 32, 18, 32, 18, 12}})) << "clockwise";
  EXPECT_NEAR(set.annotations[1].rectangle.width, 20 * std::sqrt(0.75) + 10 * 0.5, 1e-8);
  EXPECT_NEAR(set.annotations[1].rectangle.height, 20 * 0.5 + 10 * std::sqrt(0.75), 1e-8);
  EXPECT_NEAR(std::get<Polygons>(set.masks.at(1))[0][0], 20 - 10 * std::sqrt(0.75) + 5 * 0.5, 1e-8);
  EXPECT_EQ(set.annotations[2].mask, -1);
  EXPECT_EQ(set.annotations[2].rectangle, (Rectangle{1, 2, 2, 3}));

  EXPECT_THAT(write_dataset(set, Format::kCvat, folder_ / "again"), IsEmpty());
  const auto again = read_dataset(folder_ / "again");
  EXPECT_THAT(again.problems, IsEmpty());
  EXPECT_EQ(described(again.dataset), described(set));
}

TEST_F(CvatFiles, InterpolatesTurnedBoxesByTheirCorners) {
  write("annotations.xml", R"(<annotations><version>1.1</version><meta><task><name>clip</name><size>3</size>
    <labels><label><name>car</name></label></labels><original_size><width>100</width><height>50</height></original_size></task></meta>
    <track id="0" label="car">
      <box frame="0" outside="0" xtl="10" ytl="20" xbr="20" ybr="30"/>
      <box frame="2" outside="0" xtl="30" ytl="20" xbr="40" ybr="30" rotation="90"/>
    </track></annotations>)");
  const auto set = read_dataset(folder_).dataset;
  ASSERT_EQ(set.annotations.size(), 3U);
  EXPECT_EQ(set.annotations[0].mask, -1);
  EXPECT_EQ(set.masks.at(static_cast<std::size_t>(set.annotations[1].mask)),
            Mask(Polygons{{25, 20, 30, 25, 25, 30, 20, 25}}));
  EXPECT_EQ(set.annotations[1].rectangle, (Rectangle{20, 20, 10, 10}));
  EXPECT_EQ(set.annotations[2].rectangle, (Rectangle{30, 20, 10, 10}));
}

TEST_F(CvatFiles, InterpolatesTracks) {
  write("annotations.xml", R"(<annotations><version>1.1</version><meta><task><name>clip</name><size>8</size>
    <labels><label><name>car</name></label></labels><original_size><width>100</width><height>50</height></original_size></task></meta>
    <track id="0" label="car" source="manual">
      <box frame="1" keyframe="1" outside="0" occluded="0" xtl="10" ytl="20" xbr="20" ybr="40" z_order="0"/>
      <box frame="3" keyframe="1" outside="0" occluded="1" xtl="30" ytl="20" xbr="50" ybr="40" z_order="0"/>
      <box frame="5" keyframe="1" outside="1" occluded="0" xtl="30" ytl="20" xbr="50" ybr="40" z_order="0"/>
    </track>
    <track id="1" label="car" source="manual">
      <box frame="6" keyframe="1" outside="0" occluded="0" xtl="1" ytl="2" xbr="3" ybr="4" z_order="0"/>
      <box frame="99" keyframe="1" outside="0" occluded="0" xtl="1" ytl="2" xbr="3" ybr="4" z_order="0"/>
    </track></annotations>)");
  const auto [set, problems, left_out] = read_dataset(folder_);
  EXPECT_THAT(brief(problems), ElementsAre("bad_line annotations.xml:10"));
  ASSERT_EQ(set.images.size(), 8U);
  EXPECT_EQ(set.images[3].file, "images/frame_000003.png");
  EXPECT_EQ(set.images[3].sequence, "clip");
  EXPECT_EQ(set.images[3].frame, 4);
  std::vector<std::string> boxes;
  for (const auto& a : set.annotations) {
    boxes.push_back(std::to_string(a.image) + ":" + std::to_string(a.track) + " " + decimal_text(a.rectangle.x) + "+" +
                    decimal_text(a.rectangle.width));
  }
  EXPECT_THAT(boxes, ElementsAre("1:0 10+10", "2:0 20+15", "3:0 30+20", "4:0 30+20", "6:1 1+2"));
}

TEST_F(CvatFiles, WritesWhatItReads) {
  write("in/annotations.xml", kTask);
  write("in/images/a.jpg", "");
  write("in/images/night/b.jpg", "");
  const auto first = read_dataset(folder_ / "in").dataset;
  EXPECT_THAT(write_dataset(first, Format::kCvat, folder_ / "again"), IsEmpty());
  const auto second = read_dataset(folder_ / "again");
  EXPECT_THAT(second.problems, IsEmpty());
  EXPECT_EQ(described(first), described(second.dataset));
  EXPECT_EQ(first.categories, second.dataset.categories);
}

TEST_F(CvatFiles, WritesAndReadsItsArchive) {
  Dataset set;
  set.root = folder_;
  set.categories = {{0, "car", "", "#010203"}, {1, "a<b>&\"c\"", ""}, {2, "never seen", ""}};
  for (const char* file : {"images/train/a.png", "images/val/a.png", "c.png"}) {
    write(file, png_header(64, 48));
    ImageEntry image;
    image.id = static_cast<std::int64_t>(set.images.size()) + 5;
    image.file = file;
    image.width = 64;
    image.height = 48;
    image.split = std::string(file).starts_with("images/t")   ? Split::kTrain
                  : std::string(file).starts_with("images/v") ? Split::kVal
                                                              : Split::kNone;
    set.images.push_back(image);
  }
  Annotation a;
  a.rectangle = {0.1, 0.2, 10.2, 20.5};
  a.difficult = a.truncated = true;
  a.score = 0.1F;
  a.track = 12;
  set.annotations.push_back(a);
  Annotation b;
  b.image = 1;
  b.category = 1;
  b.crowd = true;
  b.mask = 0;
  b.rectangle = {0, 0, 10, 10};
  set.masks.push_back(Polygons{{0, 0, 4, 0, 4, 4}, {6, 6, 10, 6, 10, 10}});
  set.annotations.push_back(b);
  EXPECT_THAT(write_dataset(set, Format::kCvat, folder_ / "out.zip"), IsEmpty());
  const auto result = read_dataset(folder_ / "out.zip");
  EXPECT_THAT(result.problems, IsEmpty());
  auto expected = set;
  expected.images[0].file = "images/Train/a.png";
  expected.images[1].file = "images/Validation/a.png";
  expected.images[2].file = "images/default/c.png";
  auto got = result.dataset;
  for (auto& c : got.categories) c.attribute_rules.clear();  // CVAT wants them declared
  EXPECT_EQ(described(got), described(expected));
  EXPECT_TRUE(std::filesystem::exists(got.path_of(got.images[1])));
  std::vector<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) left.push_back(entry.path().filename());
  EXPECT_THAT(left, ::testing::UnorderedElementsAre("images", "c.png", "out.zip"));
  EXPECT_THROW(write_dataset(set, Format::kCvat, folder_ / "out.zip"), Error);
  EXPECT_THROW(write_dataset(set, Format::kVoc, folder_ / "voc.zip"), Error);
}

TEST(CvatMasks, GoThereAndBack) {
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    const std::uint32_t height = 1 + random() % 9, width = 1 + random() % 9;
    std::vector<bool> bits(height * width);  // column by column
    const unsigned density = 1 + random() % 6;
    for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = random() % density == 0;
    RunLengths mask{height, width, {0}, true};
    bool set = false;
    for (const bool bit : bits) {
      if (bit != set) mask.counts.push_back(0);
      set = bit;
      ++mask.counts.back();
    }
    const auto cvat = to_cvat(mask);
    const auto count = static_cast<std::uint64_t>(std::count(bits.begin(), bits.end(), true));
    ASSERT_EQ(mask_area(mask), count);
    ASSERT_EQ(cvat.has_value(), count > 0);
    if (!cvat) continue;
    std::uint64_t at = 0;
    bool on = false;
    std::istringstream runs(cvat->runs);
    std::string run;
    while (std::getline(runs, run, ',')) {  // as CVAT's own importer reads them: row by row
      for (int i = std::stoi(run); i > 0; --i, ++at) {
        const std::uint64_t x = cvat->left + at % cvat->width, y = cvat->top + at / cvat->width;
        ASSERT_EQ(bits[x * height + y], on) << round;
      }
      on = !on;
    }
    ASSERT_EQ(at, std::uint64_t{cvat->width} * cvat->height);
    const auto back = from_cvat(*cvat, width, height);
    ASSERT_TRUE(back);
    ASSERT_EQ(back->counts, mask.counts) << round;
  }
}

TEST(CvatPoints, TakesPointsAndNothingElse) {
  EXPECT_EQ(cvat_points("1.5,2;3,-4", 2), (std::vector<double>{1.5, 2, 3, -4}));
  for (const char* text : {"", "1", "1,2", "1,2;", "1,2;3", "1,2;3,4,5", "a,b;c,d"})
    EXPECT_EQ(cvat_points(text, 2), std::nullopt) << text;
}

}  // namespace
}  // namespace goshawk::dataset
