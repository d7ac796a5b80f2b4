#include "goshawk/pipeline/overlay.h"

#include <gtest/gtest.h>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

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

/// The pixels of a colour.
cv::Mat pixels_of(const cv::Mat& image, const cv::Scalar& color) {
  cv::Mat equal;
  cv::inRange(image, color, color, equal);
  return equal;
}

const cv::Scalar kGrey = cv::Scalar::all(128), kDarkGrey = cv::Scalar::all(58);  // without and with a panel upon it

/// Where the panels of counts are, on a grey picture.
std::vector<cv::Rect> panels(const cv::Mat& image) {
  cv::Mat labels, numbers, centers;
  const int count = cv::connectedComponentsWithStats(pixels_of(image, kDarkGrey), labels, numbers, centers);
  std::vector<cv::Rect> found;
  for (int i = 1; i < count; ++i) {  // 0 is the rest; the grounds within letters are small
    const int* row = numbers.ptr<int>(i);
    if (row[cv::CC_STAT_WIDTH] > 40) found.emplace_back(row[0], row[1], row[2], row[3]);
  }
  return found;
}

track::ZoneCounter counter_of(std::vector<track::Zone> zones, cv::Size size) { return {std::move(zones), {"person"}, size}; }

Detections detected(const Box& box) {
  Detection detection;
  detection.box = box;
  return {detection};
}

TEST(Overlay, FindsRoomForTheLabelsOfBoxesWithOneCorner) {
  Overlay overlay({}, {"person", "bicycle"}, {640, 480});
  cv::Mat image(480, 640, CV_8UC3, kGrey);
  Detections detections(2);
  detections[0].box = {100, 100, 300, 400};
  detections[1].box = {100, 100, 200, 300};
  detections[1].class_id = 1;
  overlay.draw_detections(image, detections);
  for (const int class_id : {0, 1}) {
    cv::Mat ground;  // without thin outlines
    cv::erode(pixels_of(image, Overlay::color(class_id)), ground, cv::Mat::ones(3, 3, CV_8U));
    EXPECT_GT(cv::countNonZero(ground), 150) << class_id;
  }
}

TEST(Overlay, LabelsBoxesThatAreLargerThanTheImageAndNoneThatAreOutside) {
  cv::Mat image(48, 160, CV_8UC3, kGrey);
  Overlay overlay({}, {"person"}, image.size());
  overlay.draw_detections(image, detected({-900, -1, 900, 50}));
  EXPECT_GT(cv::countNonZero(pixels_of(image, Overlay::color(0))), 150);
  image = kGrey;
  overlay.draw_detections(image, detected({-90, -50, -9, 50}));
  EXPECT_EQ(cv::countNonZero(pixels_of(image, Overlay::color(0))), 0);
}

TEST(Overlay, DrawsMoreThanHairLinesFrom480On) {
  for (const auto& [height, width] : {std::pair{479, 1}, {480, 3}, {1080, 5}}) {
    cv::Mat image(height, 2000, CV_8UC3, kGrey);
    Overlay overlay({.labels = false}, {}, image.size());
    overlay.draw_detections(image, detected({100, 100, 300, 300}));
    EXPECT_EQ(cv::countNonZero(pixels_of(image, Overlay::color(0)).col(200).rowRange(0, 200)), width) << height;
  }
}

TEST(Overlay, PutsCountsBesideLinesAndWithinPolygons) {
  for (const char* line : {"gate:50%,90%,50%,10%", "gate:10%,50%,90%,50%", "gate:5%,90%,90%,5%", "gate:0,5,0,300",
                           "gate:640,300,640,5", "gate:0,0,640,0", "gate:0,480,640,480"}) {
    cv::Mat image(480, 640, CV_8UC3, kGrey), lines(480, 640, CV_8U, cv::Scalar(0));
    Overlay overlay({}, {}, image.size());
    const auto zones = counter_of({track::parse_line(line, 1)}, image.size());
    overlay.draw_zones(image, zones);
    const auto found = panels(image);
    ASSERT_EQ(found.size(), 1U) << line;
    EXPECT_GT(found[0].width, 100) << line << ": none of it is cut off";
    cv::line(lines, zones.outline(0)[0], zones.outline(0)[1], 255, 3);
    EXPECT_EQ(cv::countNonZero(lines(found[0])), 0) << line;
  }
}

TEST(Overlay, CountsOfSeveralZonesAreApartFromEachOtherAndFromAllOutlines) {
  cv::Mat image(480, 640, CV_8UC3, kGrey), lines(480, 640, CV_8U, cv::Scalar(0));
  Overlay overlay({}, {}, image.size());
  const auto zones = counter_of({track::parse_line("gate:50%,90%,50%,10%", 1), track::parse_line("door:30%,50%,70%,50%", 2),
                                 track::parse_polygon("yard:0,50%,100%,50%,100%,100%,0,100%", 1),
                                 track::parse_polygon("small:400,300,420,300,420,320,400,320", 2)},
                                image.size());
  overlay.draw_fps(image, 25);
  overlay.draw_zones(image, zones);
  for (std::size_t i = 0; i < zones.zones().size(); ++i) {
    std::vector<cv::Point> outline;
    for (const auto& point : zones.outline(static_cast<int>(i))) outline.emplace_back(point);
    cv::polylines(lines, outline, true, 255, 3);
  }
  const auto found = panels(image);
  ASSERT_EQ(found.size(), 5U) << "that of the frames per second included";
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(cv::countNonZero(lines(found[i])), 0) << found[i];
    for (std::size_t j = 0; j < i; ++j) EXPECT_TRUE((found[i] & found[j]).empty()) << found[i] << found[j];
  }
  std::vector<track::Track> tracks(1);  // whose label would lie upon counts
  const auto left = static_cast<float>(found[1].x), top = static_cast<float>(found[1].br().y + 2);
  tracks[0] = {1, {left, top, left + 90, top + 22}, 0.5F, 0, 0, 1};
  overlay.draw_tracks(image, tracks);
  EXPECT_GT(cv::countNonZero(pixels_of(image, Overlay::color(1))), 400);
  EXPECT_EQ(cv::countNonZero(pixels_of(image(found[1]), Overlay::color(1))), 0);
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
