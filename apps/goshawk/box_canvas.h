// Boxes with labels on a picture that may be shown smaller than it is.
#pragma once

#include <opencv2/core/mat.hpp>
#include <opencv2/core/types.hpp>
#include <string>

#include "goshawk/core/geometry.h"
#include "goshawk/pipeline/text_painter.h"

namespace goshawk::cli {

/// Draws on `picture`, which must outlive it. Boxes are given in the pixels of the image: `zoom` times as large is the
/// picture, and `origin` is where the image's corner lies in it. Not thread-safe.
class BoxCanvas {
 public:
  explicit BoxCanvas(cv::Mat& picture, double zoom = 1, cv::Point origin = {})
      : picture_(picture), zoom_(zoom), origin_(origin), text_(13) {}

  void box(const Box& box, const cv::Scalar& bgr, int thickness);
  /// A label on a ground of its colour, above the box or, at the picture's edge, within it.
  void label(const Box& box, const std::string& text, const cv::Scalar& bgr);

 private:
  cv::Point corner(float x, float y) const;

  cv::Mat& picture_;
  double zoom_;
  cv::Point origin_;
  pipeline::TextPainter text_;
};

}  // namespace goshawk::cli
