// Text on images, with a real font.
#pragma once

#include <memory>
#include <opencv2/core/mat.hpp>
#include <opencv2/core/types.hpp>
#include <string_view>

namespace goshawk::pipeline {

/// Draws UTF-8 text of one size, anti-aliased, through FreeType. Takes DejaVu Sans where it is installed (or the file that
/// GOSHAWK_FONT names), else OpenCV's built-in stroke font, which knows ASCII only. Glyphs are rendered once and kept.
/// Not thread-safe.
class TextPainter {
 public:
  /// `height`: of a capital letter's line in pixels, at least 6. Throws Error{kBadConfig} where GOSHAWK_FONT names no font.
  explicit TextPainter(int height);
  ~TextPainter();
  TextPainter(TextPainter&&) noexcept;
  TextPainter& operator=(TextPainter&&) noexcept;

  /// Width in pixels of `text` on one line.
  int width(std::string_view text);
  /// Pixels from the top of a line to the top of the next.
  int line_height() const;
  /// Draws one line with its top-left corner at `at`; what falls outside the image is cut off. `image`: 8-bit BGR.
  void draw(cv::Mat& image, std::string_view text, cv::Point at, const cv::Scalar& bgr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace goshawk::pipeline
