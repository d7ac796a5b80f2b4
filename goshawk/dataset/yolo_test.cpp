#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <random>

#include "goshawk/core/error.h"
#include "goshawk/dataset/class_map.h"
#include "goshawk/dataset/formats.h"
#include "goshawk/dataset/readers.h"
#include "goshawk/dataset/testing.h"
#include "goshawk/dataset/yolo_text.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;
using testing::brief;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Objects and problems of one label file with two classes.
struct Parsed {
  YoloObjects objects;
  std::vector<Problem> problems;
};

Parsed parse(std::string_view text, std::uint64_t most = 100) {
  Parsed parsed;
  ProblemList problems(1000);
  ReadLimits limits;
  limits.objects_per_image = most;
  parse_yolo_text(text, "a.txt", 3, YoloClasses({{0, "x", ""}, {1, "y", ""}}), limits, parsed.objects, problems);
  ReadResult result;
  problems.move_to(result);
  parsed.problems = std::move(result.problems);
  return parsed;
}

TEST(YoloText, ReadsBoxesOutlinesAndConfidences) {
  const auto parsed = parse("0 0.5 0.5 0.5 0.25\n\n  1\t.25 5e-1 +0.5 0.25 0.75 \n");
  ASSERT_THAT(parsed.objects.annotations, SizeIs(2));
  EXPECT_THAT(parsed.problems, IsEmpty());
  const auto& first = parsed.objects.annotations[0];
  EXPECT_EQ(first.rectangle, (Rectangle{0.25, 0.375, 0.5, 0.25}));
  EXPECT_EQ(first.image, 3U);
  EXPECT_EQ(first.line, 1U);
  EXPECT_EQ(first.score, -1);
  const auto& second = parsed.objects.annotations[1];
  EXPECT_EQ(second.rectangle, (Rectangle{0, 0.375, 0.5, 0.25}));
  EXPECT_EQ(second.category, 1U);
  EXPECT_EQ(second.line, 3U);
  EXPECT_EQ(second.score, 0.75F);

  const auto outlines = parse("0 0.25 0 0.5 0.5 0 0.75\n1 0 0 1 0 1 1 0.5\n");
  ASSERT_THAT(outlines.objects.annotations, SizeIs(2));
  EXPECT_EQ(outlines.objects.annotations[0].rectangle, (Rectangle{0, 0, 0.5, 0.75}));
  EXPECT_EQ(std::get<Polygons>(outlines.objects.masks[0]), (Polygons{{0.25, 0, 0.5, 0.5, 0, 0.75}}));
  EXPECT_EQ(outlines.objects.annotations[1].score, 0.5F);
}

TEST(YoloText, TakesAnyEndOfLineAndAByteOrderMark) {
  for (const char* text : {"0 0 0 1 1\r\n1 0 0 1 1\r\n", "0 0 0 1 1\r1 0 0 1 1",
                           "\xEF\xBB\xBF"
                           "0 0 0 1 1\n1 0 0 1 1",
                           "0 0 0 1 1\f1 0 0 1 1"}) {
    const auto parsed = parse(text);
    EXPECT_THAT(parsed.objects.annotations, SizeIs(2)) << text;
    EXPECT_THAT(parsed.problems, IsEmpty()) << text;
  }
}

TEST(YoloText, ListsEachBadLineOnce) {
  const std::vector<std::pair<std::string, std::string>> cases{{"car 0.5 0.5 0.2 0.2", "bad_line"},
                                                               {"0,0.5,0.5,0.2,0.2", "bad_line"},
                                                               {"0 0.5 0.5 0.2", "bad_line"},
                                                               {"0.5 0.5 0.5 0.2 0.2", "bad_line"},
                                                               {"-1 0.5 0.5 0.2 0.2", "bad_line"},
                                                               {"2 0.5 0.5 0.2 0.2", "unknown_class"},
                                                               {"1e300 0.5 0.5 0.2 0.2", "unknown_class"},
                                                               {"0 nan 0.5 0.2 0.2", "not_finite"},
                                                               {"0 0.5 -inf 0.2 0.2", "not_finite"},
                                                               {"0 1e999 0.5 0.2 0.2", "not_finite"},
                                                               {"0 320 240 50 60", "outside_image"},
                                                               {"0 1.02 0.5 0.2 0.2", "outside_image"},
                                                               {"0 0.5 0.5 -0.2 0.2", "degenerate_box"},
                                                               {"0 0.5 0.5 -0.001 0.2", "degenerate_box"},
                                                               {"0 0.5 0.5 0.2 0.2 1.5", "bad_line"},
                                                               {"0 0x1p-1 0.5 0.2 0.2", "bad_line"},
                                                               {"# comment", "bad_line"},
                                                               {"0 0.5 0.5 0.2 0_2", "bad_line"}};
  for (const auto& [line, kind] : cases) {
    const auto parsed = parse("0 0.5 0.5 0.2 0.2\n" + line + "\n1 0.5 0.5 0.1 0.1\n");
    EXPECT_THAT(brief(parsed.problems), ElementsAre(kind + " a.txt:2")) << line;
    EXPECT_THAT(parsed.objects.annotations, SizeIs(2)) << line;
  }
}

TEST(YoloText, AllowsWhatUltralyticsAllows) {  // version 8.4.190 takes all of these
  for (const char* line : {"0 0.5 0.5 1.005 0.2", "0 -0.001 0.5 0.2 0.2", "0 0.95 0.5 0.2 0.2", "1.0 0.5 0.5 0.2 0.2",
                           "0 0.5 0.5 0 0.2", "0 0.5 0.5 1e-999 0.2"}) {
    EXPECT_THAT(parse(line).objects.annotations, SizeIs(1)) << line;
    EXPECT_THAT(parse(line).problems, IsEmpty()) << line;
  }
}

TEST(YoloText, SaysOnceThatAFileIsMixedOrNoText) {
  EXPECT_THAT(brief(parse("0 0 0 1 1\n0 0 0 1 0 1 1\n").problems), ElementsAre("bad_line a.txt:0"));
  const std::string utf16("0\0 \0", 4);
  EXPECT_THAT(brief(parse(utf16).problems), ElementsAre("bad_line a.txt:0"));
}

TEST(YoloText, StopsAtTheLimitOfObjects) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "0 0.5 0.5 0.1 0.1\n";
  const auto parsed = parse(text, 100);
  EXPECT_THAT(parsed.objects.annotations, SizeIs(100));
  EXPECT_THAT(brief(parsed.problems), ElementsAre("too_many a.txt:101"));
}

TEST(YoloText, WritesTheShortestNumberThatReadsBack) {
  const auto text = [](double value) {
    std::string out;
    append_fraction(out, value);
    return out;
  };
  EXPECT_EQ(text(0.5), "0.5");
  EXPECT_EQ(text(0.1 + 0.2), "0.3");
  EXPECT_EQ(text(-1e-17), "0");
  EXPECT_EQ(text(1), "1");
  EXPECT_EQ(text(0.7123456789), "0.7123456789");
  std::mt19937 random(7);
  for (int i = 0; i < 10'000; ++i) {
    const double value = std::uniform_real_distribution<double>(-0.01, 1.01)(random);
    EXPECT_NEAR(std::stod(text(value)), value, 1e-14);
  }
}

class YoloFiles : public testing::FolderTest {
 protected:
  void image(const std::string& name) const { write(name, testing::png_header(200, 100)); }
  static std::vector<std::string> files(const Dataset& dataset) {
    std::vector<std::string> lines;
    for (const auto& i : dataset.images)
      lines.push_back(i.file + (i.split == Split::kNone ? "" : std::string(" ") + name(i.split)));
    return lines;
  }
};

TEST_F(YoloFiles, ReadsDataYamlAndWhatItLeadsTo) {
  image("set/images/train/1.png");
  image("set/images/train/sub/2.PNG");
  image("set/images/val/3.png");
  write("set/labels/train/1.txt", "1 0.5 0.5 0.5 0.5\n7 0 0 1 1\n");
  write("set/labels/train/sub/2.txt", "");
  write("set/labels/train/lost.txt", "");
  write("set/data.yaml", "path: .\ntrain: images/train\nval: images/val\ntest:\nnames: {1: y, 0: x}\n");
  for (const char* path : {"set/data.yaml", "set"}) {
    const auto result = read_dataset(folder_ / path);
    EXPECT_THAT(files(result.dataset),
                ElementsAre("images/train/1.png train", "images/train/sub/2.PNG train", "images/val/3.png val"));
    EXPECT_THAT(brief(result.problems),
                ElementsAre("unknown_class labels/train/1.txt:2", "orphan_labels labels/train/lost.txt:0"));
    ASSERT_THAT(result.dataset.annotations, SizeIs(1));
    EXPECT_EQ(result.dataset.annotations[0].rectangle, (Rectangle{50, 25, 100, 50})) << "pixels, as the image is there";
    EXPECT_EQ(result.dataset.categories, (std::vector<Category>{{0, "x", ""}, {1, "y", ""}}));
    EXPECT_TRUE(result.dataset.images[1].labelled);
    EXPECT_FALSE(result.dataset.images[2].labelled) << "no label file";
    EXPECT_EQ(result.dataset.source, "data.yaml");
    EXPECT_EQ(result.dataset.images[0].labels, "labels/train/1.txt");
  }
}

TEST_F(YoloFiles, ReadsListsOfImages) {
  image("a/images/1.png");
  image("a/images/2.png");
  image("b/3.png");
  write("b/3.txt", "0 0.5 0.5 1 1\n");  // no folder called images: labels lie beside
  write("a/train.txt", "./images/1.png\r\n\n" + (folder_ / "b/3.png").string() + "\nnotes.doc\n");
  write("a/val.txt", "images/2.png\nimages/none.png\n");
  write("a/data.yaml", "train: [train.txt]\nval: val.txt\nnc: 1\n");
  const auto result = read_dataset(folder_ / "a/data.yaml");
  EXPECT_THAT(files(result.dataset), ElementsAre("images/1.png train", (folder_ / "b/3.png").string() + " train",
                                                 "images/2.png val", "images/none.png val"));
  EXPECT_THAT(brief(result.problems),
              ElementsAre("bad_line " + (folder_ / "a/train.txt").string() + ":4", "missing_image images/none.png:0"));
  ASSERT_THAT(result.dataset.annotations, SizeIs(1));
  EXPECT_EQ(result.dataset.annotations[0].rectangle, (Rectangle{0, 0, 200, 100}));
  EXPECT_EQ(result.dataset.categories, (std::vector<Category>{{0, "class_0", ""}}));
}

TEST_F(YoloFiles, TakesTheLastFolderCalledImages) {
  image("images/p/images/q/1.png");
  write("images/p/labels/q/1.txt", "0 0.5 0.5 1 1\n");
  write("data.yaml", "train: images/p/images/q\nval: ../images/p/images/q\nnames: [x]\n");
  const auto result = read_dataset(folder_ / "data.yaml");
  EXPECT_THAT(result.dataset.annotations, SizeIs(1));
  EXPECT_THAT(files(result.dataset), ElementsAre("images/p/images/q/1.png")) << "train and val are the same: no split";
}

TEST_F(YoloFiles, ListsImagesOfTwoSplits) {
  image("images/1.png");
  image("images/2.png");
  write("one.txt", "./images/1.png\n");
  write("data.yaml", "train: images\nval: one.txt\nnames: [x]\n");
  const auto result = read_dataset(folder_);
  EXPECT_THAT(files(result.dataset), ElementsAre("images/1.png train", "images/2.png train", "images/1.png val"));
  EXPECT_THAT(brief(result.problems), ElementsAre("duplicate_image images/1.png:0"));
}

// Ultralytics 8.4's verify_image_label gives this box for the first two lines.
TEST_F(YoloFiles, TakesTheBoxOfPoseLabels) {
  image("images/1.png");  // 200 x 100
  const auto keypoints = [](int count, const std::string& each) {
    std::string text;
    for (int i = 0; i < count; ++i) text += " " + each;
    return text;
  };
  for (const int dimensions : {2, 3}) {
    write("data.yaml", "train: images\nval: images\nkpt_shape: [17, " + std::to_string(dimensions) + "]\nnames: [person]\n");
    const std::string visible = dimensions == 3 ? " 2" : "", hidden = dimensions == 3 ? " 0" : "";
    write("labels/1.txt", "0 0.5 0.5 0.2 0.4" + keypoints(17, "0 0" + hidden) + "\n0 0.5 0.5 0.2 0.4" +
                              keypoints(17, "0.1 0.9" + visible) + "\n0 0.5 0.5 0.2 0.4" +
                              keypoints(17, "0.1 0.9" + visible) + " 0.75\n0 0.5 0.5 0.2 0.4\n0 0.5 0.5 0.2 0.4" +
                              keypoints(3, "0.1 0.9" + visible) + "\n");
    const auto result = read_dataset(folder_);
    EXPECT_THAT(brief(result.problems), ElementsAre("bad_line labels/1.txt:5", "dropped data.yaml:0"));
    EXPECT_THAT(result.problems.back().message, HasSubstr("(3)"));
    ASSERT_THAT(result.dataset.annotations, SizeIs(4));
    for (const auto& annotation : result.dataset.annotations) {
      EXPECT_NEAR(annotation.rectangle.x, 80, 1e-9);
      EXPECT_NEAR(annotation.rectangle.height, 40, 1e-9);
      EXPECT_EQ(annotation.mask, -1);
    }
    EXPECT_EQ(result.dataset.annotations[1].score, -1);
    EXPECT_EQ(result.dataset.annotations[2].score, 0.75F);
  }
}

TEST_F(YoloFiles, ListsLabelsThatFitNoImageOrSeveral) {
  image("images/a.png");
  image("images/sub/b.png");
  write("data.yaml", "train: images\nval: images\nnames: [x]\n");
  write("labels/a_png.txt", "0 0.5 0.5 0.1 0.1\n");
  EXPECT_THAT(brief(read_dataset(folder_).problems), ElementsAre("orphan_labels labels/a_png.txt:0")) << "none is found";
  write("labels/a.txt", "0 0.5 0.5 0.1 0.1\n");
  write("labels/sub/b.txt", "");
  image("images/t.png");  // behind sub/
  write("labels/t.txt", "");
  EXPECT_THAT(brief(read_dataset(folder_).problems), ElementsAre("orphan_labels labels/a_png.txt:0")) << "once";
  fs::remove(folder_ / "labels/a_png.txt");
  image("images/a.gif");
  const auto problems = read_dataset(folder_).problems;
  EXPECT_THAT(brief(problems), ElementsAre("shared_labels labels/a.txt:0"));
  EXPECT_THAT(problems.at(0).message, HasSubstr("images/a.gif"));
  EXPECT_THAT(problems.at(0).message, HasSubstr("images/a.png"));
}

/// Without root's right to open everything, while it lasts.
class Nobody {
 public:
  Nobody() : user_(::geteuid()) {
    if (user_ == 0 && ::seteuid(65534) != 0) std::abort();
  }
  ~Nobody() {
    if (::seteuid(user_) != 0) std::abort();
  }
  Nobody(const Nobody&) = delete;
  Nobody& operator=(const Nobody&) = delete;

 private:
  uid_t user_;
};

TEST_F(YoloFiles, AFolderThatCannotBeOpenedIsAnError) {
  image("images/a.png");
  image("images/sub/b.png");
  write("classes.txt", "x\n");
  fs::permissions(folder_ / "images/sub", fs::perms::none);
  for (const Format format : {Format::kYolo, Format::kLabelImg}) {
    std::string where;
    try {
      const Nobody nobody;
      read_dataset(folder_, format);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kIo);
      where = error.where();
    }
    EXPECT_EQ(where, (folder_ / "images/sub").string()) << name(format);
  }
  fs::permissions(folder_ / "images/sub", fs::perms::owner_all);
}

TEST_F(YoloFiles, RefusesAConfigurationThatMakesNoSense) {
  image("images/1.png");
  const auto code = [&](const std::string& text) {
    const auto path = write("data.yaml", text);
    try {
      read_yolo(path);
    } catch (const Error& error) {
      return std::string(goshawk::name(error.code()));
    }
    return std::string("none");
  };
  EXPECT_EQ(code("train: images\nnames: [x]\n"), "none");
  EXPECT_EQ(code("train: images\n"), "bad_config");
  EXPECT_EQ(code("train: images\nnames: x\n"), "bad_config");
  EXPECT_EQ(code("train: images\nnames: {a: x}\n"), "bad_config");
  EXPECT_EQ(code("train: images\nnames: {0: x, 00: y}\n"), "bad_config");
  EXPECT_EQ(code("train: images\nnames: [[x]]\n"), "bad_config");
  EXPECT_EQ(code("train: images\nnames: [x]\nnc: 2\n"), "bad_config");
  EXPECT_EQ(code("train: images\nnc: 99999999999\n"), "bad_config");
  EXPECT_EQ(code("train: images\nkpt_shape: 17\nnames: [x]\n"), "bad_config");
  EXPECT_EQ(code("train: images\nkpt_shape: [17, 4]\nnames: [x]\n"), "bad_config");
  EXPECT_EQ(code("train: 7\nnames: [x]\n"), "bad_config");
  EXPECT_EQ(code("[1, 2]\n"), "bad_config");
  EXPECT_EQ(code("train: nowhere\nnames: [x]\n"), "not_found");
  EXPECT_EQ(code("names: [x]\n"), "not_found");
  EXPECT_EQ(code("a: &a [x,x]\nb: &b [*a,*a]\ntrain: \"[[[[\ntrain: images"), "bad_config");
}

TEST_F(YoloFiles, WritesWhatItReads) {
  image("in/train/images/1.png");
  image("in/train/images/2.png");
  image("in/valid/images/1.png");
  write("in/train/labels/1.txt", "1 0.123456 0.654321 0.1 0.2\n0 0.7123456789 0.2 0.3333333333 0.0000000001\n");
  write("in/train/labels/2.txt", "");
  write("in/data.yaml",
        "train: ../train/images\nval: ../valid/images\nnames: ['no', \"a: b\"]\nclass_mapping: {van: \"no\", bg: ''}\n");
  const auto first = read_dataset(folder_ / "in");
  EXPECT_THAT(first.problems, IsEmpty());
  EXPECT_THAT(write_dataset(first.dataset, Format::kYolo, folder_ / "out"), IsEmpty());
  EXPECT_EQ(read("out/labels/train/1.txt"), "1 0.123456 0.654321 0.1 0.2\n0 0.7123456789 0.2 0.3333333333 0.0000000001\n");
  EXPECT_TRUE(fs::exists(folder_ / "out/labels/train/2.txt"));
  EXPECT_FALSE(fs::exists(folder_ / "out/labels/val/1.txt")) << "was never labelled";
  const auto second = read_dataset(folder_ / "out");
  EXPECT_EQ(second.dataset.categories, first.dataset.categories);
  EXPECT_EQ(second.dataset.class_mapping, (ClassMapping{{"bg", ""}, {"van", "no"}}));
  EXPECT_THAT(files(second.dataset),
              ElementsAre("images/train/1.png train", "images/train/2.png train", "images/val/1.png val"));
  EXPECT_THROW(write_dataset(first.dataset, Format::kYolo, folder_ / "out"), Error);
}

TEST_F(YoloFiles, WritesOutlinesWhereAllObjectsOfAnImageHaveThem) {
  image("images/1.png");
  write("labels/1.txt", "0 0.1 0.1 0.4 0.1 0.4 0.4\n");
  image("images/2.png");
  write("labels/2.txt", "0 0.1 0.1 0.4 0.1 0.4 0.4\n");
  write("data.yaml", "train: images\nval: images\nnames: [x]\n");
  auto dataset = read_dataset(folder_).dataset;
  EXPECT_THAT(write_dataset(dataset, Format::kYolo, folder_ / "out"), IsEmpty());
  EXPECT_EQ(read("out/labels/1.txt"), "0 0.1 0.1 0.4 0.1 0.4 0.4\n");
  dataset.annotations.insert(dataset.annotations.begin(), dataset.annotations[0]);
  dataset.annotations[1].mask = -1;
  dataset.annotations[1].score = 0.9F;
  const auto dropped = write_dataset(dataset, Format::kYolo, folder_ / "boxes");
  EXPECT_EQ(read("boxes/labels/1.txt"), "0 0.25 0.25 0.3 0.3\n0 0.25 0.25 0.3 0.3\n");
  EXPECT_EQ(read("boxes/labels/2.txt"), "0 0.1 0.1 0.4 0.1 0.4 0.4\n") << "an image of its own";
  ASSERT_THAT(dropped, SizeIs(2));
  EXPECT_THAT(dropped[0].message, HasSubstr("confidences: 1 dropped (--scores"));
  EXPECT_THAT(dropped[1].message, HasSubstr("outlines of images"));
  WriteOptions options;
  options.scores = true;
  write_dataset(dataset, Format::kYolo, folder_ / "scores", options);
  EXPECT_EQ(read("scores/labels/1.txt"), "0 0.25 0.25 0.3 0.3\n0 0.25 0.25 0.3 0.3 0.9\n");
}

TEST_F(YoloFiles, WritesTrainAndValForUltralyticsThoughTheyAreEmpty) {
  image("images/train/1.png");
  write("data.yaml", "train: images/train\nnames: [x]\n");
  write_dataset(read_dataset(folder_).dataset, Format::kYolo, folder_ / "out");
  EXPECT_TRUE(read("out/data.yaml").starts_with("train: images/train\nval:\nnc: 1\n")) << read("out/data.yaml");
  EXPECT_THAT(files(read_dataset(folder_ / "out").dataset), ElementsAre("images/train/1.png train"));
}

TEST_F(YoloFiles, EqualNamesAreKeptApart) {
  Dataset dataset;
  dataset.root = folder_;
  dataset.categories = {{0, "x", ""}};
  for (const char* file : {"a/images/1.png", "images/a/1.png", "images/a/1.jpg"}) {
    image(file);
    ImageEntry entry;
    entry.file = file;
    entry.width = 200;
    entry.height = 100;
    dataset.images.push_back(entry);
  }
  dataset.images[0].file = (folder_ / "a/images/1.png").string();
  write_dataset(dataset, Format::kYolo, folder_ / "out");
  for (const char* file : {"1.png", "a/1.png", "a/1-2.jpg"}) EXPECT_TRUE(fs::exists(folder_ / "out/images" / file)) << file;
}

TEST_F(YoloFiles, ReadsFoldersWithoutAConfiguration) {
  image("images/train/1.png");
  write("labels/train/1.txt", "3 0.5 0.5 1 1\n");
  EXPECT_EQ(read_dataset(folder_).dataset.categories.size(), 4U);
  write("classes.txt", "a\r\nb\nc\nd e\n");
  EXPECT_EQ(read_dataset(folder_, Format::kYolo).dataset.categories[3].name, "d e");
}

TEST_F(YoloFiles, AnEmptyLineAmongClassesIsOneOfNoName) {
  image("images/train/1.png");
  write("labels/train/1.txt", "2 0.5 0.5 1 1\n");
  write("classes.txt", "a\n\nc\n");
  const auto dataset = read_dataset(folder_, Format::kYolo).dataset;
  ASSERT_EQ(dataset.categories.size(), 3U);
  EXPECT_EQ(dataset.categories[dataset.annotations.at(0).category].name, "c");
}

TEST_F(YoloFiles, WhatLiesOutsideIsCutOffOrLeftOut) {
  image("images/1.png");  // 200 x 100
  write("labels/1.txt", "0 0.5 0.5 1 1\n");
  write("data.yaml", "train: images\nval: images\nnames: [x]\n");
  auto dataset = read_dataset(folder_).dataset;
  const auto put = [&](std::vector<Rectangle> boxes) {
    dataset.annotations.resize(boxes.size(), dataset.annotations[0]);
    for (std::size_t i = 0; i < boxes.size(); ++i) dataset.annotations[i].rectangle = boxes[i];
  };
  put({{-20, 10, 30, 50}, {190, 0, 20, 100}, {300, 0, 10, 10}, {-50, -50, 400, 400}});
  const auto notes = write_dataset(dataset, Format::kYolo, folder_ / "out");
  EXPECT_EQ(read("out/labels/1.txt"), "0 0.025 0.35 0.05 0.5\n0 1 0.5 0.1 1\n0 0.5 0.5 1 1\n") << "the second can be held";
  ASSERT_THAT(notes, SizeIs(2));
  EXPECT_THAT(notes[0].message, HasSubstr("1 objects left out"));
  EXPECT_THAT(notes[1].message, HasSubstr("2 objects cut off"));
  for (const Format format : {Format::kCvatYolo, Format::kLabelImg}) {
    WriteOptions options;
    options.text = true;
    const auto folder = folder_ / name(format);
    EXPECT_THAT(brief(write_dataset(dataset, format, folder, options)),
                ::testing::Contains("dropped :0").Times(::testing::Ge(2)));
    for (const auto& problem : read_dataset(folder, format).problems) EXPECT_NE(problem.kind, ProblemKind::kOutsideImage);
  }
}

TEST_F(YoloFiles, OutlinesAreCutOffAtTheBorder) {
  image("images/1.png");  // 200 x 100
  write("labels/1.txt", "0 0.1 0.1 0.4 0.1 0.4 0.4\n");
  write("data.yaml", "train: images\nval: images\nnames: [x]\n");
  auto dataset = read_dataset(folder_).dataset;
  dataset.masks = {Polygons{{-100, 50, 100, 0, 100, 100}}};  // a triangle, half of it outside
  dataset.annotations[0].rectangle = {-100, 0, 200, 100};
  EXPECT_THAT(write_dataset(dataset, Format::kYolo, folder_ / "out"), SizeIs(1));
  EXPECT_EQ(read("out/labels/1.txt"), "0 0 0.75 0 0.25 0.5 0 0.5 1\n");
}

/// Class, then left, top, width and height in pixels, of each object of each image; crowds are none.
std::map<std::string, std::vector<std::array<double, 5>>> by_image(const Dataset& dataset, bool coco_numbers) {
  std::map<std::string, std::vector<std::array<double, 5>>> objects;
  for (const auto& a : dataset.annotations) {
    if (a.crowd) continue;
    std::int64_t number = dataset.categories[a.category].id;
    if (coco_numbers) {
      const auto& all = coco_categories();
      number = std::find_if(all.begin(), all.end(), [&](const Category& c) { return c.id == number; }) - all.begin();
    }
    const Rectangle& r = a.rectangle;
    objects[fs::path(dataset.images[a.image].file).filename()].push_back(
        {static_cast<double>(number), r.x, r.y, r.width, r.height});
  }
  return objects;
}

TEST(YoloSharedData, LabelsOfCoco128AreThoseOfItsJson) {
  const fs::path folder = fs::path(GOSHAWK_SHARED_DATA) / "data/coco128";
  if (!fs::exists(folder / "instances.json")) GTEST_SKIP() << "needs " << folder;
  const auto labels = by_image(read_dataset(folder, Format::kYolo).dataset, false);
  const auto json = by_image(read_dataset(folder / "instances.json").dataset, true);
  ASSERT_GT(labels.size(), 120U);
  const auto is_near = [](const auto& a, const auto& b) {  // the text has 6 decimals
    return std::equal(a.begin(), a.end(), b.begin(), [](double x, double y) { return std::abs(x - y) < 2e-3; });
  };
  for (const auto& [file, list] : json) {
    ASSERT_TRUE(labels.contains(file)) << file;
    const auto& others = labels.at(file);
    EXPECT_TRUE(std::is_permutation(list.begin(), list.end(), others.begin(), others.end(), is_near)) << file;
  }
  EXPECT_EQ(labels.size(), json.size());
}

}  // namespace
}  // namespace goshawk::dataset
