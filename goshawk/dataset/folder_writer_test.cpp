#include "goshawk/dataset/folder_writer.h"

#include <gmock/gmock.h>

#include "goshawk/core/error.h"
#include "goshawk/dataset/testing.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class FolderWriterTest : public testing::FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    fs::create_directory(folder_ / "out");
  }
};

TEST_F(FolderWriterTest, WritesBelowTheFolderOnly) {
  FolderWriter writer(folder_ / "out");
  writer.write("a/b/c.txt", "text");
  EXPECT_EQ(read("out/a/b/c.txt"), "text");
  EXPECT_THROW(writer.write("a/b/c.txt", "again"), Error);
  EXPECT_THROW(writer.write("../x.txt", ""), Error);
  EXPECT_THROW(writer.write((folder_ / "x.txt").string(), ""), Error);
  EXPECT_FALSE(fs::exists(folder_ / "x.txt"));
}

TEST_F(FolderWriterTest, FollowsNoSymbolicLink) {
  write("outside.txt", "mine");
  fs::create_symlink(folder_ / "outside.txt", folder_ / "out/link.txt");
  EXPECT_THROW(FolderWriter(folder_ / "out").write("link.txt", "yours"), Error);
  EXPECT_EQ(read("outside.txt"), "mine");
}

TEST_F(FolderWriterTest, PlacesCopiesAndLinks) {
  Dataset dataset;
  dataset.root = folder_;
  dataset.images.resize(3);
  dataset.images[0].file = "one.jpg";
  dataset.images[1].file = "none.jpg";
  dataset.images[2].file = "three.jpg";
  write("one.jpg", std::string(300'000, 'x'));
  write("three.jpg", "3");
  const std::vector<std::string> names{"images/one.jpg", "images/none.jpg", ""};
  for (const Images how : {Images::kCopy, Images::kLink}) {
    const fs::path out = folder_ / (how == Images::kCopy ? "copies" : "links");
    fs::create_directory(out);
    FolderWriter writer(out);
    WriteOptions options;
    options.images = how;
    std::int64_t last = 0;
    options.progress = [&](std::int64_t done, std::int64_t total) {
      EXPECT_EQ(total, 3);
      EXPECT_GE(done, last);
      last = done;
    };
    EXPECT_THAT(testing::brief(place_images(writer, dataset, names, options)), ElementsAre("missing_image none.jpg:0"));
    EXPECT_EQ(last, 3);
    EXPECT_EQ(fs::file_size(out / "images/one.jpg"), 300'000U);
    EXPECT_EQ(fs::equivalent(out / "images/one.jpg", folder_ / "one.jpg"), how == Images::kLink);
    EXPECT_FALSE(fs::exists(out / "images/three.jpg"));
  }
}

TEST_F(FolderWriterTest, StopsWhenAsked) {
  Dataset dataset;
  dataset.root = folder_;
  dataset.images.resize(1);
  dataset.images[0].file = write("one.jpg", "1").filename();
  std::stop_source stop;
  stop.request_stop();
  WriteOptions options;
  options.stop = stop.get_token();
  FolderWriter writer(folder_ / "out");
  EXPECT_THROW(place_images(writer, dataset, std::vector<std::string>{"one.jpg"}, options), Error);
}

TEST(WrittenName, HasNoFoldersOfTheFormats) {
  const auto written = [](const char* file) {
    ImageEntry image;
    image.file = file;
    return written_name(image);
  };
  EXPECT_EQ(written("images/train/a/b.jpg"), "a/b.jpg");
  EXPECT_EQ(written("cam1/images/a.jpg"), "cam1/a.jpg") << "YOLO looks for labels by the last folder called images";
  EXPECT_EQ(written("cam1/images/night/labels/a.jpg"), "cam1/night/a.jpg");
  EXPECT_EQ(written("cam1/train/a.jpg"), "cam1/train/a.jpg");
  EXPECT_EQ(written("images/Train/Validation/a.jpg"), "a.jpg");
  EXPECT_EQ(written("VOC2012/JPEGImages/a.jpg"), "a.jpg");
  EXPECT_EQ(written("/data/cam1/images/b/a.jpg"), "b/a.jpg");
}

TEST(FittingName, ReplacesWhatFormatsCannotHold) {
  EXPECT_EQ(fitting_name("caf\u00E9/b c.jpg"), "caf\u00E9/b c.jpg");
  EXPECT_EQ(fitting_name("caf\xE9/a\tb\\c.jpg"), "caf_/a_b_c.jpg");
  const std::string letters = "\u00E9\u00E9\u00E9\u00E9";
  std::string many;
  while (many.size() < 260) many += letters;
  EXPECT_EQ(fitting_name("a/" + many + ".jpg"), "a/" + many.substr(0, 236) + ".jpg");
  EXPECT_EQ(fitting_name("a/x" + many + ".jpg"), "a/x" + many.substr(0, 234) + ".jpg") << "no letter is cut in two";
  EXPECT_EQ(fitting_name("/a//b.jpg"), "/a//b.jpg");
}

TEST(DistinctNames, KeepsEqualNamesApart) {
  DistinctNames names;
  EXPECT_EQ(names.take("a/b.jpg"), "a/b.jpg");
  EXPECT_EQ(names.take("a/b-2.jpg"), "a/b-2.jpg");
  EXPECT_EQ(names.take("a/b.jpg"), "a/b-3.jpg");
  EXPECT_EQ(names.take("a/B.png"), "a/B-4.png") << "labels of both would be one file";
  EXPECT_EQ(names.take("c/b.jpg"), "c/b.jpg");
}

}  // namespace
}  // namespace goshawk::dataset
