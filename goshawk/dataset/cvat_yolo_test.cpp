// CVAT's YOLO 1.1, as CVAT 2 exports it.
#include <gmock/gmock.h>

#include "goshawk/core/error.h"
#include "goshawk/dataset/formats.h"
#include "goshawk/dataset/testing.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;
using testing::brief;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::png_header;
using CvatYolo = testing::FolderTest;

TEST_F(CvatYolo, ReadsAnExport) {
  write("obj.data",
        "classes = 2\ntrain = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\nbackup = backup/\n");
  write("obj.names", "car\r\nsea lion\r\n");
  write("train.txt", "data/obj_train_data/a.png\ndata/obj_train_data/night/b.png\n");
  write("valid.txt", "obj_valid_data/c.png\n");
  write("obj_train_data/a.txt", "1 0.5 0.5 0.25 0.5\n");
  write("obj_train_data/a.png", png_header(80, 40));
  write("obj_train_data/night/b.txt", "");
  write("obj_train_data/night/b.png", png_header(80, 40));
  write("obj_valid_data/c.png", png_header(8, 4));
  const auto [set, problems, left_out] = read_dataset(folder_);
  EXPECT_THAT(problems, IsEmpty());
  ASSERT_EQ(set.categories.size(), 2U);
  EXPECT_EQ(set.categories[1].name, "sea lion");
  ASSERT_EQ(set.images.size(), 3U);
  EXPECT_EQ(set.images[1].file, "obj_train_data/night/b.png");
  EXPECT_EQ(set.images[1].split, Split::kTrain);
  EXPECT_TRUE(set.images[1].labelled);
  EXPECT_EQ(set.images[2].split, Split::kVal);
  EXPECT_FALSE(set.images[2].labelled);
  ASSERT_EQ(set.annotations.size(), 1U);
  EXPECT_EQ(set.annotations[0].rectangle, (Rectangle{30, 10, 20, 20}));
}

TEST_F(CvatYolo, ReadsFoldersWithoutLists) {
  write("obj.names", "car\n");
  write("obj.data", "");
  write("obj_train_data/a.txt", "0 0.5 0.5 0.25 0.5\n");
  write("obj_train_data/a.png", png_header(80, 40));
  const auto set = read_dataset(folder_).dataset;
  ASSERT_EQ(set.images.size(), 1U);
  EXPECT_EQ(set.annotations.size(), 1U);
}

TEST_F(CvatYolo, ListsWhatIsWrong) {
  write("obj.data", "names = ../../obj.names\n");  // its name alone counts
  write("obj.names", "car\n");
  write("train.txt", "../../etc/a.png\n/etc/b.png\nobj_train_data/a.png\nobj_train_data/a.png\n");
  write("obj_train_data/a.txt", "0 0.5 0.5 0.25 0.5\n1 0.5 0.5 0.1 0.1\n0 nan 0 0 0\n0 0.5\n");
  write("obj_train_data/a.png", png_header(80, 40));
  const auto result = read_dataset(folder_);
  EXPECT_THAT(brief(result.problems), ElementsAre("unsafe_path train.txt:1", "unsafe_path train.txt:2",
                                                  "bad_line train.txt:4", "unknown_class obj_train_data/a.txt:2",
                                                  "not_finite obj_train_data/a.txt:3", "bad_line obj_train_data/a.txt:4"));
  EXPECT_EQ(result.dataset.annotations.size(), 1U);
}

TEST_F(CvatYolo, NeedsItsNames) {
  write("obj.data", "");
  EXPECT_THROW(read_dataset(folder_), Error);
}

TEST_F(CvatYolo, WritesWhatItReads) {
  write("in/obj.names", "car\nbus\n");
  write("in/obj.data", "classes = 2\n");
  write("in/train.txt", "obj_train_data/a.png\nobj_train_data/u.png\n");
  write("in/test.txt", "obj_test_data/b.png\n");
  write("in/obj_train_data/a.txt", "1 0.503125 0.5 0.2515625 0.5\n0 0.1 0.2 0.05 0.1\n");
  for (const char* file : {"obj_train_data/a.png", "obj_train_data/u.png", "obj_test_data/b.png"}) {
    write(std::string("in/") + file, png_header(640, 480));
  }
  write("in/obj_test_data/b.txt", "");
  const auto set = read_dataset(folder_ / "in").dataset;
  EXPECT_THAT(write_dataset(set, Format::kCvatYolo, folder_ / "out"), ::testing::SizeIs(1));  // u.png gets an empty file
  write_dataset(set, Format::kCvatYolo, folder_ / "out.zip");
  EXPECT_EQ(read("out/obj_train_data/a.txt"), read("in/obj_train_data/a.txt"));
  EXPECT_EQ(read("out/train.txt"), "data/obj_train_data/a.png\ndata/obj_train_data/u.png\n");
  for (const char* place : {"out", "out.zip"}) {
    const auto again = read_dataset(folder_ / place);
    EXPECT_THAT(again.problems, IsEmpty());
    auto expected = set.images;
    expected[1].labelled = true;
    expected[1].labels = "obj_train_data/u.txt";
    EXPECT_EQ(again.dataset.images, expected) << place;
    ASSERT_EQ(again.dataset.annotations.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(again.dataset.annotations[i].rectangle, set.annotations[i].rectangle);
  }
}

// The one reader of YOLO text, through each format that has such text.
TEST_F(CvatYolo, LabelFilesThatCannotBeReadAreListedAlikeInEveryFormat) {
  write("yolo/data.yaml", "train: images\nval: images\nnames: [car]\n");
  write("cvat/obj.names", "car\n");
  write("cvat/obj.data", "");
  write("cvat/train.txt", "obj_train_data/a.png\nobj_train_data/b.png\nobj_train_data/c.png\nobj_train_data/d.png\n");
  write("labelimg/classes.txt", "car\n");
  const std::vector<std::pair<std::string, std::string>> folders{
      {"yolo/images/", "yolo/labels/"}, {"cvat/obj_train_data/", "cvat/obj_train_data/"}, {"labelimg/", "labelimg/"}};
  for (const auto& [images, labels] : folders) {
    for (const char* name : {"a", "b", "c", "d"}) write(images + name + ".png", png_header(80, 40));
    write(labels + "a.txt", "0 0.5 0.5 0.25 0.5\n");
    write(labels + "b.txt", "0 0.5 0.5 0.25 0.5" + std::string(500, '\n'));
    fs::create_directory(folder_ / labels / "c.txt");
  }
  ReadLimits limits;
  limits.file_bytes = 200;
  for (const auto& [format, folder, prefix] :
       {std::tuple(Format::kYolo, "yolo", "labels/"), std::tuple(Format::kCvatYolo, "cvat", "obj_train_data/"),
        std::tuple(Format::kLabelImg, "labelimg", "")}) {
    const auto [set, problems, left_out] = read_dataset(folder_ / folder, format, limits);
    std::vector<std::string> expected{std::string("too_many ") + prefix + "b.txt:0"};
    if (format != Format::kLabelImg) expected.push_back(std::string("bad_line ") + prefix + "c.txt:0");  // takes files alone
    EXPECT_EQ(brief(problems), expected) << folder;
    EXPECT_EQ(set.annotations.size(), 1U) << folder;
    ASSERT_EQ(set.images.size(), 4U) << folder;
    EXPECT_FALSE(set.images[3].labelled) << folder;
  }
}

}  // namespace
}  // namespace goshawk::dataset
