// One picture in two sizes: labels made for one of them, pixels of the other.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include "goshawk/core/geometry.h"

namespace goshawk {

/// Factors from pixels of a picture to those of the same picture in another size.
struct PictureScale {
  float x = 1, y = 1;

  Box operator()(const Box& box) const { return {box.x1 * x, box.y1 * y, box.x2 * x, box.y2 * y}; }
  bool operator==(const PictureScale&) const = default;
};

/// From a picture of `width` x `height` to the same one of `to_width` x `to_height`, all of them pixels and at least 1; a
/// `to_width` or `to_height` of 0 is not stated: no other size. nullopt where their aspect ratios differ by more than 5 %:
/// then it is another picture, or it was cut or turned.
inline std::optional<PictureScale> picture_scale(std::int64_t width, std::int64_t height, std::int64_t to_width,
                                                 std::int64_t to_height) {
  if (to_width == 0 || to_height == 0) return PictureScale{};
  constexpr double kRounding = 0.05;  // of small pictures to whole pixels
  const double x = static_cast<double>(to_width) / static_cast<double>(width);
  const double y = static_cast<double>(to_height) / static_cast<double>(height);
  if (std::abs(y / x - 1) > kRounding) return std::nullopt;
  return PictureScale{static_cast<float>(x), static_cast<float>(y)};
}

}  // namespace goshawk
