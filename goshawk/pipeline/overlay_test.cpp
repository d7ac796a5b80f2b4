#include "goshawk/pipeline/overlay.h"

#include <gtest/gtest.h>

#include <opencv2/core.hpp>

namespace goshawk::pipeline {
namespace {

double ink(const cv::Mat& image) { return cv::norm(image, cv::NORM_L1); }

TEST(TextPainter, DrawsMoreInkForMoreTextAndMeasuresWhatItDraws) {
  TextPainter painter(20);
  cv::Mat image(40, 300, CV_8UC3, cv::Scalar::all(0));
  painter.draw(image, "goshawk", {0, 0}, cv::Scalar::all(255));
  const double ink_of_word = ink(image);
  EXPECT_GT(ink_of_word, 0);
  const int width = painter.width("goshawk");
  EXPECT_EQ(ink(image.colRange(width + 2, 300)), 0) << "nothing beyond the measured width";
  EXPECT_LE(painter.line_height(), 40);
  EXPECT_EQ(ink(image.rowRange(painter.line_height(), 40)), 0) << "nothing below the line";
}

TEST(TextPainter, CutsOffAtEveryEdgeAndTakesAnyBytes) {
  TextPainter painter(24);
  cv::Mat image(11, 17, CV_8UC3, cv::Scalar::all(0));
  for (const int x : {-100, -5, 0, 14, 100}) {
    for (const int y : {-100, -9, 0, 8, 100}) painter.draw(image, "Wé\xff\xc3", {x, y}, cv::Scalar::all(255));
  }
  painter.draw(image, "", {0, 0}, cv::Scalar::all(255));
}

TEST(Overlay, DrawsBoxesThatLieOutsideWithoutFailing) {
  Overlay overlay({}, {"person"}, {64, 48});
  cv::Mat image(48, 64, CV_8UC3, cv::Scalar::all(0));
  std::vector<track::Track> tracks(3);
  tracks[0] = {1, {-50, -50, 20, 20}, 0.5F, 0, 0, 1};
  tracks[1] = {2, {40, 40, 500, 300}, 0.5F, 7, -1, 1};
  tracks[2] = {3, {-300, -300, -200, -200}, 0.5F, 0, 0, 1};
  for (int i = 0; i < 3; ++i) overlay.draw_tracks(image, tracks);
  EXPECT_GT(ink(image), 0);
}

TEST(Overlay, GivesNeighbouringIdsDistinctColors) {
  for (int id = 0; id < 200; ++id) EXPECT_GT(cv::norm(Overlay::color(id) - Overlay::color(id + 1)), 60) << id;
}

}  // namespace
}  // namespace goshawk::pipeline
