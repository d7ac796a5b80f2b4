#include "goshawk/dataset/formats.h"

#include <gtest/gtest.h>

#include "goshawk/core/testing.h"
#include "goshawk/dataset/recognise.h"

namespace goshawk::dataset {
namespace {

TEST(Formats, HaveNamesThatLeadBackToThem) {
  for (const Format format :
       {Format::kYolo, Format::kCoco, Format::kVoc, Format::kCvat, Format::kCvatYolo, Format::kLabelImg, Format::kMot}) {
    EXPECT_EQ(format_of(name(format)), format) << name(format);
  }
  EXPECT_EQ(format_of("darknet"), std::nullopt);
}

TEST(RecogniseFormat, KnowsRoboflowsCocoFolders) {
  for (const char* split : {"train", "valid", "test"}) {
    const TemporaryFolder folder;
    std::filesystem::create_directory(folder / split);
    EXPECT_EQ(recognise_format(folder.path()), std::nullopt);
    folder.write(std::filesystem::path(split) / "_annotations.coco.json", "{}");
    folder.write("README.dataset.txt", "");
    EXPECT_EQ(recognise_format(folder.path()), Format::kCoco) << split;
  }
}

TEST(RecogniseFormat, TakesOnlyJsonOfCocoForCoco) {
  const TemporaryFolder folder;
  folder.write("problems.json", R"({"source": "x", "images": 3, "kinds": [], "problems": [{"file": "images"}]})");
  folder.write("stats.json", R"({"all": {"images": 3, "annotations": 4}})");
  folder.write("frames.json", R"({"sources": [], "frames": []})");
  folder.write("results.json", R"([{"image_id": 1, "annotations": []}])");
  EXPECT_EQ(recognise_format(folder.path()), std::nullopt);
  EXPECT_FALSE(holds_labelme(folder.path()));
  folder.write("labels.json", R"({"info": {}, "images" : [], "annotations": []})");
  EXPECT_EQ(recognise_format(folder.path()), Format::kCoco);
  EXPECT_TRUE(read_dataset(folder.path()).dataset.images.empty());  // the reports beside it are passed over
}

TEST(RecogniseFormat, NamesLabelMe) {
  const TemporaryFolder folder;
  const auto file = folder.write("a.json", R"({"version": "5.2.1", "flags": {}, "shapes": [], "imagePath": "a.jpg"})");
  for (const auto& path : {folder.path(), file}) {
    EXPECT_EQ(recognise_format(path), std::nullopt);
    EXPECT_NE(text_of_error([&] { read_dataset(path); }, ErrorCode::kUsage).find("LabelMe"), std::string::npos);
  }
}

TEST(ReadDataset, TakesTheSplitsOfRoboflowsCocoFolders) {
  const TemporaryFolder folder;
  for (const std::string split : {"train", "valid", "test"}) {
    std::filesystem::create_directory(folder / split);
    folder.write(split + "/_annotations.coco.json",
                 R"({"images":[{"id":0,"file_name":")" + split +
                     R"(.jpg","width":64,"height":48}],)"
                     R"("categories":[{"id":0,"name":"things","supercategory":"none"},)"
                     R"({"id":1,"name":"car","supercategory":"things"}],)"
                     R"("annotations":[{"id":0,"image_id":0,"category_id":1,"bbox":[1,2,10,20],"area":200,"iscrowd":0}]})");
  }
  const Dataset set = read_dataset(folder.path()).dataset;
  ASSERT_EQ(set.images.size(), 3U);
  ASSERT_EQ(set.annotations.size(), 3U);
  for (const auto& image : set.images) {
    const Split expected = image.file.ends_with("valid.jpg")  ? Split::kVal
                           : image.file.ends_with("test.jpg") ? Split::kTest
                                                              : Split::kTrain;
    EXPECT_EQ(image.split, expected) << image.file;
  }
}

}  // namespace
}  // namespace goshawk::dataset
