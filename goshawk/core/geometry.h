// Boxes in pixels.
#pragma once

#include <algorithm>

namespace goshawk {

/// Axis-aligned box in pixels: origin at the image's top-left corner, x to the right, y down, x2/y2 exclusive.
/// Coordinates may lie outside the image; `clip` mends that.
struct Box {
  float x1 = 0, y1 = 0, x2 = 0, y2 = 0;

  float width() const { return x2 - x1; }
  float height() const { return y2 - y1; }
  /// 0 for a box that is empty or inside out.
  float area() const { return std::max(0.0F, width()) * std::max(0.0F, height()); }
  float center_x() const { return 0.5F * (x1 + x2); }
  float center_y() const { return 0.5F * (y1 + y2); }
  bool operator==(const Box&) const = default;
};

inline float intersection(const Box& a, const Box& b) {
  const float w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  const float h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  return w > 0 && h > 0 ? w * h : 0.0F;
}

/// Intersection over union in [0, 1]; 0 when both boxes are empty.
inline float iou(const Box& a, const Box& b) {
  const float common = intersection(a, b);
  const float all = a.area() + b.area() - common;
  return all > 0 ? common / all : 0.0F;
}

/// The part of `box` within [0, width] x [0, height].
inline Box clip(const Box& box, float width, float height) {
  return {std::clamp(box.x1, 0.0F, width), std::clamp(box.y1, 0.0F, height), std::clamp(box.x2, 0.0F, width),
          std::clamp(box.y2, 0.0F, height)};
}

}  // namespace goshawk
