// From the decoder's pictures to upright 8-bit BGR.
#pragma once

#include <opencv2/core/mat.hpp>

#include "goshawk/media/libav.h"
#include "goshawk/media/orientation.h"
#include "goshawk/media/picture_pool.h"

namespace goshawk::media {

/// Converts as the `ffmpeg` program (5.1) does with `-pix_fmt bgr24`: the stream's colour matrix and range, BT.601 and
/// limited where it names none; alpha is dropped. Not thread-safe.
class FrameConverter {
 public:
  /// `sws_flags`: swscale's quality flags; SWS_BICUBIC is ffmpeg's own choice.
  explicit FrameConverter(Orientation orientation = {}, int sws_flags = SWS_BICUBIC)
      : orientation_(orientation), sws_flags_(sws_flags) {}

  /// `frame` as BGR of width x height pixels (as stored, before turning), scaled when it has another size.
  /// Throws Error{kBadData} for a pixel format that has no conversion.
  cv::Mat convert(const AVFrame& frame, int width, int height);

 private:
  struct Shape {
    int width = 0, height = 0, format = -1, matrix = 0, range = 0, out_width = 0, out_height = 0;
    bool operator==(const Shape&) const = default;
  };
  void prepare(const Shape& shape);

  Orientation orientation_;
  int sws_flags_;
  Shape shape_;
  Av<SwsContext> scaler_;
  PicturePool pool_;
  cv::Mat stored_;  // before turning, or with room at the right
};

}  // namespace goshawk::media
