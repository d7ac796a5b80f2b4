#include "goshawk/core/picture_scale.h"

#include <gtest/gtest.h>

namespace goshawk {
namespace {

TEST(PictureScale, LeadsFromOneSizeToTheOther) {
  const auto scale = picture_scale(320, 213, 640, 427);
  ASSERT_TRUE(scale);
  const Box box = (*scale)({10, 213, 160, 20});
  EXPECT_FLOAT_EQ(box.x1, 20);
  EXPECT_FLOAT_EQ(box.y1, 427);
  EXPECT_FLOAT_EQ(box.x2, 320);
}

TEST(PictureScale, OfTheSameSizeChangesNothing) { EXPECT_EQ(picture_scale(1919, 1079, 1919, 1079), PictureScale{}); }

TEST(PictureScale, RefusesAnotherShape) {
  EXPECT_FALSE(picture_scale(640, 480, 480, 640)) << "turned";
  EXPECT_FALSE(picture_scale(640, 360, 640, 480)) << "cut";
  EXPECT_TRUE(picture_scale(100, 100, 50, 48)) << "rounded";
}

}  // namespace
}  // namespace goshawk
