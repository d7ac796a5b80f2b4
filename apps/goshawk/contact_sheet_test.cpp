#include "apps/goshawk/contact_sheet.h"

#include <gtest/gtest.h>

#include <opencv2/core.hpp>

#include "goshawk/pipeline/overlay.h"

namespace goshawk::cli {
namespace {

const cv::Scalar kGrey(128, 128, 128);

SheetTile tile(int width, int height, std::vector<SheetBox> boxes) {
  return {fit_into_tile(cv::Mat(height, width, CV_8UC3, kGrey), {360, 270}), "a.jpg", std::move(boxes)};
}

std::int64_t pixels_of(const cv::Mat& sheet, int class_index) {
  const cv::Scalar color = pipeline::Overlay::color(class_index);
  cv::Mat equal;
  cv::inRange(sheet, color, color, equal);
  return cv::countNonZero(equal);
}

TEST(FitIntoTile, KeepsProportionsAndStaysWithinTheTile) {
  EXPECT_EQ(fit_into_tile(cv::Mat(480, 640, CV_8UC3, kGrey), {360, 270}).size(), cv::Size(360, 270));
  EXPECT_EQ(fit_into_tile(cv::Mat(100, 1000, CV_8UC3, kGrey), {360, 270}).size(), cv::Size(360, 36));
  EXPECT_EQ(fit_into_tile(cv::Mat(10, 20, CV_8UC3, kGrey), {360, 270}).size(), cv::Size(80, 40)) << "four times at most";
  EXPECT_EQ(fit_into_tile(cv::Mat(1, 9000, CV_8UC3, kGrey), {360, 270}).size(), cv::Size(360, 1));
}

TEST(ContactSheet, IsAsWideAsItsColumnsAndNoWiderThanItsTiles) {
  const std::vector<SheetTile> tiles(3, tile(64, 48, {}));
  const cv::Mat two = contact_sheet(tiles, {.columns = 2}), one = contact_sheet(tiles, {.columns = 1});
  EXPECT_GT(two.cols, one.cols);
  EXPECT_LT(two.rows, one.rows);
  EXPECT_EQ(contact_sheet(tiles, {.columns = 20}).size(), contact_sheet(tiles, {.columns = 3}).size());
}

TEST(ContactSheet, DrawsBoxesInTheColourOfTheirClass) {
  const std::vector<SheetTile> tiles{tile(640, 480, {{{0.25F, 0.25F, 0.75F, 0.75F}, 4, "bus", 0.5F, false}})};
  const cv::Mat sheet = contact_sheet(tiles, {});
  EXPECT_GE(pixels_of(sheet, 4), 2 * 2 * (180 + 135) - 16);
  EXPECT_LT(pixels_of(sheet, 5), 10);
  const cv::Scalar inside = sheet.at<cv::Vec3b>(14 + 135, 14 + 180);
  EXPECT_EQ(inside, kGrey) << "a box is no area";
}

TEST(ContactSheet, HatchesCrowds) {
  const SheetBox box{{0.25F, 0.25F, 0.75F, 0.75F}, 4, "bus", -1, true};
  const cv::Mat sheet = contact_sheet(std::vector<SheetTile>{tile(640, 480, {box})}, {});
  const cv::Mat inner = sheet(cv::Rect(14 + 110, 14 + 100, 100, 60));
  cv::Mat changed;
  cv::inRange(inner, kGrey, kGrey, changed);
  const int plain = cv::countNonZero(changed), all = inner.rows * inner.cols;
  EXPECT_LT(plain, all * 9 / 10);
  EXPECT_GT(plain, all / 3);
}

TEST(ContactSheet, TakesBoxesThatLieOutsideOrAreEmptyAndPicturesThatAreMissing) {
  const float far = 1e30F;
  const std::vector<SheetTile> tiles{tile(50, 40,
                                          {{{-far, -far, far, far}, 0, "all", -1, false},
                                           {{2, 2, 3, 3}, 1, "out", -1, true},
                                           {{0.5F, 0.5F, 0.5F, 0.9F}, 2, "thin", -1, true}}),
                                     {cv::Mat(), std::string(3000, 'x') + "\xC3\xA9", {}}};
  EXPECT_FALSE(contact_sheet(tiles, {}).empty());
}

}  // namespace
}  // namespace goshawk::cli
