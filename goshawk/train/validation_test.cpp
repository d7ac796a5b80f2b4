#include "goshawk/train/validation.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <opencv2/core.hpp>

#include "goshawk/media/image.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;

class Validation : public testing::Test {
 protected:
  Validation() : folder_(fs::temp_directory_path() / ("goshawk-validation-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~Validation() override { fs::remove_all(folder_); }

  /// A picture of 100 x 50 with labels for `width` x `height`, of an object in its right half.
  TrainingImage labelled_for(int width, int height) {
    const TrainingImage image{folder_ / (std::to_string(width) + ".png"), width, height, {}};
    media::write_image(image.path, cv::Mat(50, 100, CV_8UC3, cv::Scalar::all(90)));
    auto result = image;
    const auto right = static_cast<float>(width), bottom = static_cast<float>(height);
    result.targets.objects.push_back({{right / 2, 0, right, bottom}, 0});
    return result;
  }

  fs::path folder_;
};

TEST_F(Validation, TakesLabelsThatWereMadeForAnotherSize) {
  const std::vector images{labelled_for(100, 50), labelled_for(200, 100)};
  ValidationImages all(images, recipe_of({"a"}, 64, 32), 2, 0);
  const auto batch = all.batch(0);
  ASSERT_EQ(batch->size(), 2U);
  const Box half{32, 16, 64, 48};  // 100 x 50 -> 64 x 32, 16 from the top
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(batch->targets[i].objects.at(0).box, half) << i;
    EXPECT_EQ(batch->placements[i].to_image(half), images[i].targets.objects[0].box) << i;
  }
}

TEST_F(Validation, LeavesOutAPictureThatItsLabelsAreNotFor) {
  const std::vector images{labelled_for(100, 50), labelled_for(50, 100)};
  ValidationImages all(images, recipe_of({"a"}, 64, 32), 2, 0);
  const auto batch = all.batch(0);
  EXPECT_EQ(batch->images, std::vector<std::size_t>{0});
  ASSERT_EQ(batch->unreadable.size(), 1U);
  EXPECT_EQ(batch->unreadable[0].first, 1U);
  EXPECT_NE(batch->unreadable[0].second.find("shape 50 x 100"), std::string::npos) << batch->unreadable[0].second;
}

}  // namespace
}  // namespace goshawk::train
