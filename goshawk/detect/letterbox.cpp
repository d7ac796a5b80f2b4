// Sources of the rules, by Resize:
//   kLetterboxCenter   Ultralytics 8.4 documentation of LetterBox: r = min(H/h, W/w); size round(w*r) x round(h*r); the
//                      padding is halved, the left and top halves are round(half - 0.1); cv2.resize INTER_LINEAR.
//   kLetterboxTopLeft  YOLOX 0.3 (Apache-2.0) yolox/data/data_augment.py, preproc: the same ratio, size truncated by int().
//   kStretch           cv2.resize to the input size (NanoDet, RT-DETR, DETR, torchvision-style exports).
//   kPadOnly           OpenCV's FaceDetectorYN: right and bottom are padded to a multiple of 32.
#include "goshawk/detect/letterbox.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>

#include "goshawk/core/error.h"
#include "goshawk/detect/resize_kernel.h"

namespace goshawk::detect {
namespace {

/// Python's round(): halves go to the even neighbour.
int round_half_even(double value) { return static_cast<int>(std::nearbyint(value)); }

struct Layouted {
  Placement placement;
  cv::Rect inner;
};

Layouted letterbox(const cv::Mat& image, Resize rule, int width, int height) {
  const double ratio = std::min(static_cast<double>(height) / image.rows, static_cast<double>(width) / image.cols);
  const bool center = rule == Resize::kLetterboxCenter;
  const auto length = [&](int side, int limit) {
    const double exact = side * ratio;
    return std::clamp(center ? round_half_even(exact) : static_cast<int>(exact), 1, limit);
  };
  const int inner_width = length(image.cols, width);
  const int inner_height = length(image.rows, height);
  const int left = center ? round_half_even((width - inner_width) / 2.0 - 0.1) : 0;
  const int top = center ? round_half_even((height - inner_height) / 2.0 - 0.1) : 0;
  // Ultralytics maps boxes back by the resized picture's true scale on each axis, YOLOX by the one ratio.
  const auto scale = [&](int inner, int side) {
    return static_cast<float>(center ? static_cast<double>(inner) / side : ratio);
  };
  return {{scale(inner_width, image.cols), scale(inner_height, image.rows), static_cast<float>(left),
           static_cast<float>(top), image.cols, image.rows},
          {left, top, inner_width, inner_height}};
}

Layouted lay_out(const cv::Mat& image, Resize rule, int width, int height) {
  if (rule == Resize::kStretch) {
    return {{static_cast<float>(width) / static_cast<float>(image.cols),
             static_cast<float>(height) / static_cast<float>(image.rows), 0, 0, image.cols, image.rows},
            {0, 0, width, height}};
  }
  if (rule == Resize::kPadOnly && image.cols <= width && image.rows <= height) {
    return {{1, 1, 0, 0, image.cols, image.rows}, {0, 0, image.cols, image.rows}};
  }
  return letterbox(image, rule, width, height);
}

}  // namespace

Box Placement::to_image(const Box& box) const {
  const Box unpadded{(box.x1 - pad_x) / scale_x, (box.y1 - pad_y) / scale_y, (box.x2 - pad_x) / scale_x,
                     (box.y2 - pad_y) / scale_y};
  return clip(unpadded, static_cast<float>(image_width), static_cast<float>(image_height));
}

Box Placement::to_input(const Box& box) const {
  return {box.x1 * scale_x + pad_x, box.y1 * scale_y + pad_y, box.x2 * scale_x + pad_x, box.y2 * scale_y + pad_y};
}

Placement prepare(const cv::Mat& image, const Recipe& recipe, int width, int height, std::span<float> tensor,
                  const std::optional<Placement>& before) {
  require(image.type() == CV_8UC3 && !image.empty(), "prepare: an 8-bit BGR image with pixels");
  require(width > 0 && height > 0, "prepare: a tensor with pixels");
  const PixelFormat format{recipe.color == ColorOrder::kRgb, recipe.layout == Layout::kNhwc, recipe.mean, recipe.deviation};
  const Layouted laid = lay_out(image, recipe.resize, width, height);
  if (before != laid.placement) fill_border(recipe.pad_value, laid.inner, {width, height}, format, tensor);
  resize_into(image, laid.inner, {width, height}, format, tensor);
  return laid.placement;
}

}  // namespace goshawk::detect
