// Boxes with labels on a picture that may be shown smaller than it is.
#pragma once

#include <opencv2/core/mat.hpp>
#include <opencv2/core/types.hpp>
#include <string>
#include <vector>

#include "goshawk/core/geometry.h"
#include "goshawk/pipeline/text_painter.h"

namespace goshawk::pipeline {

/// Draws on `picture`, which must outlive it as `text` must. Boxes are given in the pixels of the image: `zoom` times as
/// large is the picture, and `origin` is where the image's corner lies in it. Not thread-safe.
class BoxCanvas {
 public:
  BoxCanvas(cv::Mat& picture, TextPainter& text, double zoom = 1, cv::Point origin = {})
      : picture_(picture), text_(text), zoom_(zoom), origin_(origin) {}

  void box(const Box& box, const cv::Scalar& bgr, int thickness);
  void dashed(const Box& box, const cv::Scalar& bgr, int thickness);
  /// A region of many objects: dashed and hatched.
  void crowd(const Box& box, const cv::Scalar& bgr);

  /// Labels take `area` (pixels of the picture) for that of another label.
  void keep_free(const cv::Rect& area) { taken_.push_back(area); }

  enum class Room { kTake, kFindOrLeaveOut };
  /// A label on a ground of its colour, above the box or within it or below, where no other label is. Where there is no such
  /// place, it lies upon others (kTake) or is left out.
  void label(const Box& box, const std::string& text, const cv::Scalar& bgr, Room room = Room::kTake);

 private:
  cv::Point corner(float x, float y) const;

  cv::Mat& picture_;
  TextPainter& text_;
  double zoom_;
  cv::Point origin_;
  std::vector<cv::Rect> taken_;  // by labels and what they keep away from
};

}  // namespace goshawk::pipeline
