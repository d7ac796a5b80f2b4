#include "goshawk/dataset/carried_frames.h"

#include <gmock/gmock.h>

#include "goshawk/core/files.h"
#include "goshawk/dataset/combine.h"
#include "goshawk/dataset/frame_list.h"
#include "goshawk/dataset/split.h"
#include "goshawk/dataset/testing.h"

namespace goshawk::dataset {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;

class CarriedFrames : public testing::FolderTest {
 protected:
  /// A set of images of two videos, each in a folder with its frames.json; both have a frame of the same name.
  void SetUp() override {
    FolderTest::SetUp();
    for (const std::string video : {"cars", "bottles"}) {
      FrameList list;
      list.sources.emplace_back().name = video;
      for (int i = 0; i < 2; ++i) {
        FrameRecord frame;
        frame.file = i == 0 ? "first.png" : video + ".png";
        frame.time = seconds(100 * i + (video == "cars" ? 1 : 2));
        const auto path = write("set/images/" + video + "/" + frame.file, testing::png_header(200, 100) + video);
        frame.sha256 = sha256_of_file(path);
        list.frames.push_back(frame);
      }
      write("set/images/" + video + "/frames.json", to_text(list));
    }
    write("set/data.yaml", "train: images/bottles\nval: images/cars\nnames: [x]\n");
    set_ = read_dataset(folder_ / "set").dataset;
    for (auto& image : set_.images) image.labelled = true;
    set_.annotations.push_back({.image = 0, .rectangle = {1, 2, 3, 4}, .area = 12});
  }
  static std::vector<std::string> sorted_origins(const Dataset& set) {
    std::vector<std::string> lines;
    for (const auto& origin : origins_of(set))
      lines.push_back(origin.source + " " + std::to_string(origin.time / seconds(1)));
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  Dataset set_;
};

TEST_F(CarriedFrames, StayInEveryFormat) {
  EXPECT_THAT(sorted_origins(set_), ElementsAre("bottles 102", "bottles 2", "cars 1", "cars 101"));
  for (const Format format :
       {Format::kYolo, Format::kCoco, Format::kVoc, Format::kCvat, Format::kCvatYolo, Format::kLabelImg, Format::kMot}) {
    write_dataset(set_, format, folder_ / name(format));
    EXPECT_EQ(sorted_origins(read_dataset(folder_ / name(format)).dataset), sorted_origins(set_)) << name(format);
  }
}

TEST_F(CarriedFrames, LeavesOutWhatHasChanged) {
  write("set/images/cars/first.png", testing::png_header(200, 100) + "another");
  write_dataset(set_, Format::kYolo, folder_ / "out");
  EXPECT_EQ(read_frame_list(folder_ / "out/images/val/cars/frames.json").frames.size(), 1U);
}

TEST_F(CarriedFrames, FollowsNewNamesAndPlaces) {
  for (auto& image : set_.images) {
    image.split = Split::kTrain;
    image.file = (set_.root / image.file).string();
  }
  auto other = set_;
  const auto both = merge({std::move(other), set_});  // each image twice
  write_dataset(both, Format::kYolo, folder_ / "out");
  const auto list = read_frame_list(folder_ / "out/images/train/cars/frames.json");
  std::vector<std::string> files;
  for (const auto& frame : list.frames) files.push_back(frame.file);
  EXPECT_THAT(files, ElementsAre("cars.png", "first.png", "cars-2.png", "first-2.png"));
  EXPECT_EQ(list.sources.size(), 1U);
}

}  // namespace
}  // namespace goshawk::dataset
