#include "goshawk/media/orientation.h"

#include <cstdlib>
#include <opencv2/core.hpp>

namespace goshawk::media {
int Orientation::degrees() const {
  if (transpose) return flip_y && !flip_x ? 270 : 90;
  return flip_x && flip_y ? 180 : 0;
}

Orientation orientation_of_matrix(const std::int32_t* matrix) {
  // A point (x, y) goes to (a x + c y, b x + d y).
  const std::int64_t a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
  if (std::abs(b) + std::abs(c) > std::abs(a) + std::abs(d)) return {true, c < 0, b < 0};
  return {false, a < 0, d < 0};
}

Orientation orientation_of_exif(int value) {
  switch (value) {
    case 2:
      return {false, true, false};
    case 3:
      return {false, true, true};
    case 4:
      return {false, false, true};
    case 5:
      return {true, false, false};
    case 6:
      return {true, true, false};
    case 7:
      return {true, true, true};
    case 8:
      return {true, false, true};
    default:
      return {};
  }
}

void turn_upright(const cv::Mat& stored, const Orientation& orientation, cv::Mat& out) {
  const auto& [transpose, flip_x, flip_y] = orientation;
  const cv::Mat* from = &stored;
  if (transpose) {
    cv::transpose(stored, out);
    from = &out;
  }
  if (flip_x || flip_y) {
    cv::flip(*from, out, flip_x && flip_y ? -1 : flip_x ? 1 : 0);
  } else if (!transpose) {
    stored.copyTo(out);
  }
}

cv::Mat turned_upright(const cv::Mat& stored, const Orientation& orientation) {
  if (orientation.upright()) return stored;
  cv::Mat out;
  turn_upright(stored, orientation, out);
  return out;
}

}  // namespace goshawk::media
