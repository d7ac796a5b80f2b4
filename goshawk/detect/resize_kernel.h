// Bilinear resize of an 8-bit BGR image and its conversion to float planes, in one pass over the image.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <opencv2/core/mat.hpp>
#include <span>

namespace goshawk::detect {

/// How a resized pixel becomes floats.
struct PixelFormat {
  bool swap_red_blue = false;          // the tensor's first channel is red
  bool interleaved = false;            // [height, width, 3] instead of [3, height, width]
  std::array<float, 3> mean{0, 0, 0};  // value = (pixel - mean) / deviation, in the tensor's channel order
  std::array<float, 3> deviation{1, 1, 1};
};

/// The instruction sets that have a kernel of their own.
enum class Instructions { kPortable, kAvx2 };
/// The best that this processor (and this build) has.
Instructions best_instructions();

/// Resizes `image` (8-bit BGR, at least 1 x 1) to `inner.size()` and writes it at `inner` within the tensor of
/// `size.width` x `size.height` pixels; what lies outside `inner` is not touched.
/// The arithmetic is that of cv::resize(INTER_LINEAR) on 8-bit images (11-bit coefficients, OpenCV 4 and 5), bit for bit.
/// Thread rule: safe from several threads on different tensors.
void resize_into(const cv::Mat& image, const cv::Rect& inner, const cv::Size& size, const PixelFormat& format,
                 std::span<float> tensor, Instructions instructions = best_instructions());

/// Fills everything outside `inner` with the floats of a pixel whose three channels are `value` (0..255).
void fill_border(int value, const cv::Rect& inner, const cv::Size& size, const PixelFormat& format, std::span<float> tensor);

}  // namespace goshawk::detect
