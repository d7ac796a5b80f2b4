// Labels are laid over what goshawk/dataset takes for an image's size, pixels come from goshawk/media: both must turn alike.
#include <gtest/gtest.h>

#include "goshawk/dataset/image_size.h"
#include "goshawk/media/image.h"
#include "goshawk/media/jpeg.h"
#include "goshawk/media/testing.h"

namespace goshawk {
namespace {

using media::testing::gray_tiff;
using media::testing::with_orientation;

void expect_agreement(const std::string& file, bool sideways, const std::string& what) {
  const auto size = dataset::image_size(file);
  ASSERT_TRUE(size) << what;
  const auto image = media::decode_image(file, what, 1 << 20);
  const cv::Size expected = sideways ? cv::Size(40, 64) : cv::Size(64, 40);
  EXPECT_EQ(image.size(), expected) << what;
  EXPECT_EQ(cv::Size(static_cast<int>(size->shown_width()), static_cast<int>(size->shown_height())), expected) << what;
}

TEST(ImageSizeAgreement, HoldsForEachOrientation) {
  const auto jpeg = media::encode_jpeg(cv::Mat::zeros(40, 64, CV_8UC3), 90);
  const std::string pixels(64 * 40, '\x55');
  const std::string none, filling = "\xFF", alone = "\xFF\x01", stray("\xFF\xFE\0\x04hi\0\x12", 8);
  for (std::uint32_t value = 0; value <= 9; ++value) {
    const bool sideways = value >= 5 && value <= 8;
    for (const bool big_endian : {false, true}) {
      for (const bool long_value : {false, true}) {
        const std::string what =
            "orientation " + std::to_string(value) + (big_endian ? " MM" : " II") + (long_value ? " LONG" : " SHORT");
        expect_agreement(gray_tiff({64, 40}, pixels, value, big_endian, long_value), sideways, "TIFF, " + what);
        for (const auto& before : {none, filling, alone, stray}) {
          expect_agreement(with_orientation(jpeg, value, big_endian, long_value, before), sideways,
                           "JPEG, " + what + ", " + ::testing::PrintToString(before) + " before it");
        }
      }
    }
  }
}

}  // namespace
}  // namespace goshawk
