#include <gtest/gtest.h>

#include <array>

#include "goshawk/core/error.h"
#include "goshawk/dataset/formats.h"
#include "goshawk/dataset/testing.h"

namespace goshawk::dataset {
namespace {

class Encodings : public testing::FolderTest {};

const std::array<std::string, 3> kOtherEncodings{"cat\ncaf\xE9\n", std::string("cat\nd\0o\0g\0\n", 11),
                                                 "cat\n\xED\xA0\x80\n"};

TEST_F(Encodings, OtherThanUtf8AreRefusedByEveryFormat) {
  for (const auto& names : kOtherEncodings) {
    write("yolo/images/a.png", testing::png_header(9, 9));
    write("yolo/data.yaml", "train: images\nnames:\n  0: " + names.substr(4));
    write("folders/images/train/a.png", testing::png_header(9, 9));
    write("folders/classes.txt", names);
    write("cvat-yolo/obj.data", "names = obj.names\n");
    write("cvat-yolo/obj.names", names);
    write("labelimg/a.png", testing::png_header(9, 9));
    write("labelimg/a.txt", "0 .5 .5 .5 .5\n");
    write("labelimg/classes.txt", names);
    write("mot/gt/gt.txt", "1,1,1,1,5,5,1,1,1\n");
    write("mot/gt/labels.txt", names);
    for (const auto& [folder, format] :
         {std::pair("yolo", Format::kYolo), std::pair("folders", Format::kYolo), std::pair("cvat-yolo", Format::kCvatYolo),
          std::pair("labelimg", Format::kLabelImg), std::pair("mot", Format::kMot)}) {
      try {
        read_dataset(folder_ / folder, format);
        ADD_FAILURE() << folder << ": no error";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kBadData) << folder << error.what();
        EXPECT_TRUE(error.where().ends_with(std::string(folder) == "yolo" ? ":3" : ":2")) << error.where();
      }
    }
  }
}

}  // namespace
}  // namespace goshawk::dataset
