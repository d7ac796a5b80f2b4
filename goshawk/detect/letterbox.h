// From a BGR image to a model's input tensor, and from the model's pixels back to the image's.
#pragma once

#include <opencv2/core/mat.hpp>
#include <optional>
#include <span>

#include "goshawk/core/geometry.h"
#include "goshawk/core/recipe.h"

namespace goshawk::detect {

/// How one image was placed in the input: input = image * scale + pad (pixels).
struct Placement {
  float scale_x = 1, scale_y = 1;
  float pad_x = 0, pad_y = 0;
  int image_width = 0, image_height = 0;
  friend bool operator==(const Placement&, const Placement&) = default;
  /// A box in input pixels as a box in image pixels, clipped to the image.
  Box to_image(const Box& box) const;
  /// A box in image pixels as a box in input pixels.
  Box to_input(const Box& box) const;
};

/// Writes `image` (8-bit BGR, any size) as the tensor that `recipe` describes: [3, height, width] (kNchw) or
/// [height, width, 3] (kNhwc) floats into `tensor`, whose size is height * width * 3 and which may be dirty.
/// `before`: what this call returned when it last wrote this very tensor, with the same recipe, width and height; the
/// padding is then still there where the new image is placed in the same way (frame after frame of a video). Rounding,
/// padding, interpolation and colour order are those of the family's own pre-processing (named in letterbox.cpp). Thread
/// rule: safe from several threads on different tensors.
Placement prepare(const cv::Mat& image, const Recipe& recipe, int width, int height, std::span<float> tensor,
                  const std::optional<Placement>& before = {});

}  // namespace goshawk::detect
