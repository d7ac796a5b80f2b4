#include "apps/goshawk/box_canvas.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

namespace goshawk::cli {

void BoxCanvas::box(const Box& box, const cv::Scalar& bgr, int thickness) {
  cv::rectangle(picture_, corner(box.x1, box.y1), corner(box.x2, box.y2), bgr, thickness, cv::LINE_AA);
}

void BoxCanvas::label(const Box& box, const std::string& text, const cv::Scalar& bgr) {
  const cv::Point at = corner(box.x1, box.y1);
  const int height = text_.line_height(), width = text_.width(text) + 6;
  const int x = std::clamp(at.x, 0, std::max(0, picture_.cols - width));
  const int above = at.y - height < 0 ? at.y : at.y - height;
  const int y = std::clamp(above, 0, std::max(0, picture_.rows - height));
  const cv::Rect ground = cv::Rect(x, y, width, height) & cv::Rect(0, 0, picture_.cols, picture_.rows);
  cv::rectangle(picture_, ground, bgr, cv::FILLED);
  text_.draw(picture_, text, {x + 3, y}, {255, 255, 255});
}

cv::Point BoxCanvas::corner(float x, float y) const {
  // Boxes from outside may lie anywhere; what is far beyond the picture is as good as at its rim.
  const auto place = [&](float value, int origin) {
    constexpr double kFar = 20'000;
    return static_cast<int>(std::lround(std::clamp(value * zoom_ + origin, -kFar, kFar)));
  };
  return {place(x, origin_.x), place(y, origin_.y)};
}

}  // namespace goshawk::cli
