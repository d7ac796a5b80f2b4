#include "goshawk/pipeline/box_canvas.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>

namespace goshawk::pipeline {
namespace {

const cv::Scalar kWhite(255, 255, 255), kBlack(20, 20, 20);

/// Black or white, whichever reads better on `ground` (luma of ITU-R BT.601).
cv::Scalar readable_on(const cv::Scalar& ground) {
  return 0.114 * ground[0] + 0.587 * ground[1] + 0.299 * ground[2] > 140 ? kBlack : kWhite;
}

void dashed_line(cv::Mat& image, cv::Point from, cv::Point to, const cv::Scalar& color, int width) {
  const int dash = 4 * width + 2;
  const double length = std::hypot(to.x - from.x, to.y - from.y);
  const cv::Point2d step = cv::Point2d(to - from) / std::max(length, 1.0);
  for (double at = 0; at < length; at += 2 * dash) {
    cv::line(image, cv::Point2d(from) + step * at, cv::Point2d(from) + step * std::min(at + dash, length), color, width);
  }
}

/// Thin diagonals, half transparent.
void hatch(cv::Mat& picture, const cv::Rect& area, const cv::Scalar& color) {
  cv::Mat part = picture(area);
  cv::Mat lines = part.clone();
  for (int at = 0; at < area.width + area.height; at += 9) {
    cv::line(lines, {at, 0}, {at - area.height, area.height}, color, 1, cv::LINE_AA);
  }
  cv::addWeighted(part, 0.45, lines, 0.55, 0, part);
}

}  // namespace

void BoxCanvas::box(const Box& box, const cv::Scalar& bgr, int thickness) {
  cv::rectangle(picture_, corner(box.x1, box.y1), corner(box.x2, box.y2), bgr, thickness);
}

void BoxCanvas::dashed(const Box& box, const cv::Scalar& bgr, int thickness) {
  const cv::Point from = corner(box.x1, box.y1), to = corner(box.x2, box.y2);
  dashed_line(picture_, from, {to.x, from.y}, bgr, thickness);
  dashed_line(picture_, {to.x, from.y}, to, bgr, thickness);
  dashed_line(picture_, {from.x, to.y}, to, bgr, thickness);
  dashed_line(picture_, from, {from.x, to.y}, bgr, thickness);
}

void BoxCanvas::crowd(const Box& box, const cv::Scalar& bgr) {
  const cv::Point from = corner(box.x1, box.y1), to = corner(box.x2, box.y2);
  const cv::Rect area = cv::Rect(from, to + cv::Point(1, 1)) & cv::Rect(0, 0, picture_.cols, picture_.rows);
  if (area.empty()) return;
  hatch(picture_, area, bgr);
  dashed(box, bgr, 2);
}

void BoxCanvas::label(const Box& box, const std::string& text, const cv::Scalar& bgr, Room room) {
  const cv::Point top = corner(box.x1, box.y1), bottom = corner(box.x2, box.y2);
  const cv::Size size(text_.width(text) + 6, text_.line_height());
  const int x = std::clamp(top.x, 0, std::max(0, picture_.cols - size.width));
  const auto free_at = [&](int y) {
    const cv::Rect place(cv::Point(x, y), size);
    return y >= 0 && y + size.height <= picture_.rows && size.width <= picture_.cols &&
           std::none_of(taken_.begin(), taken_.end(), [&](const auto& other) { return !(other & place).empty(); });
  };
  const std::array places{top.y - size.height, top.y, bottom.y + 1, bottom.y + 1 - size.height};
  const auto* found = std::find_if(places.begin(), places.end(), free_at);
  if (found == places.end() && room == Room::kFindOrLeaveOut) return;
  const int wanted = found != places.end() ? *found : places[top.y < size.height ? 1 : 0];
  const cv::Point at(x, std::clamp(wanted, 0, std::max(0, picture_.rows - size.height)));
  const cv::Rect ground = cv::Rect(at, size) & cv::Rect(0, 0, picture_.cols, picture_.rows);
  cv::rectangle(picture_, ground, bgr, cv::FILLED);
  text_.draw(picture_, text, at + cv::Point(3, -std::max(1, size.height / 16)), readable_on(bgr));
  taken_.push_back(ground);
}

cv::Point BoxCanvas::corner(float x, float y) const {
  // Boxes from outside may lie anywhere; what is far beyond the picture is as good as at its rim.
  const auto place = [&](float value, int origin) {
    constexpr double kFar = 20'000;
    return static_cast<int>(std::lround(std::clamp(value * zoom_ + origin, -kFar, kFar)));
  };
  return {place(x, origin_.x), place(y, origin_.y)};
}

}  // namespace goshawk::pipeline
