#include "goshawk/media/frame_converter.h"

extern "C" {
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

#include <array>

#include "goshawk/core/error.h"

namespace goshawk::media {
namespace {

/// swscale's coefficients for a stream's matrix; BT.601 for those that are unknown or that swscale has not.
const int* coefficients(int matrix) {
  const bool known = matrix >= AVCOL_SPC_BT709 && matrix <= AVCOL_SPC_BT2020_CL && matrix != AVCOL_SPC_YCGCO;
  return sws_getCoefficients(known ? matrix : AVCOL_SPC_BT470BG);
}

}  // namespace

void FrameConverter::prepare(const Shape& shape) {
  scaler_.reset(sws_alloc_context());
  check_memory(scaler_ != nullptr);
  SwsContext* scaler = scaler_.get();
  const auto format = static_cast<AVPixelFormat>(shape.format);
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
  if (description == nullptr || sws_isSupportedInput(format) == 0) {
    throw Error(ErrorCode::kBadData, "the video has a pixel format that cannot be converted");
  }
  av_opt_set_int(scaler, "srcw", shape.width, 0);
  av_opt_set_int(scaler, "srch", shape.height, 0);
  av_opt_set_int(scaler, "src_format", format, 0);
  av_opt_set_int(scaler, "dstw", shape.out_width, 0);
  av_opt_set_int(scaler, "dsth", shape.out_height, 0);
  av_opt_set_int(scaler, "dst_format", AV_PIX_FMT_BGR24, 0);
  av_opt_set_int(scaler, "sws_flags", sws_flags_, 0);
  if (description->log2_chroma_h == 1) av_opt_set_int(scaler, "src_v_chr_pos", 128, 0);  // chroma between two rows
  if (sws_init_context(scaler, nullptr, nullptr) < 0) {
    throw Error(ErrorCode::kBadData, std::string("the video's pixel format ") + description->name + " cannot be converted");
  }
  int* in_table = nullptr;
  int* out_table = nullptr;
  int in_full = 0, out_full = 0, brightness = 0, contrast = 0, saturation = 0;
  if (sws_getColorspaceDetails(scaler, &in_table, &in_full, &out_table, &out_full, &brightness, &contrast, &saturation) >=
      0) {
    if (shape.range != AVCOL_RANGE_UNSPECIFIED) in_full = shape.range == AVCOL_RANGE_JPEG ? 1 : 0;
    const int* table = coefficients(shape.matrix);
    sws_setColorspaceDetails(scaler, table, in_full, table, out_full, brightness, contrast, saturation);
  }
  shape_ = shape;
}

cv::Mat FrameConverter::convert(const AVFrame& frame, int width, int height) {
  const Shape shape{frame.width, frame.height, frame.format, frame.colorspace, frame.color_range, width, height};
  if (!scaler_ || shape != shape_) prepare(shape);

  // swscale's fast path writes whole groups of pixels only, and leaves out the last columns of a row that has no room for
  // one.
  constexpr int kGroup = 16;
  const bool direct = orientation_.upright() && width % kGroup == 0;
  cv::Mat picture = orientation_.transpose ? pool_.take(height, width) : pool_.take(width, height);
  if (!direct)
    stored_.create(height + 1, (width + kGroup - 1) / kGroup * kGroup, CV_8UC3);  // one row more, as in PicturePool
  const cv::Mat target = direct ? picture : stored_(cv::Rect(0, 0, width, height));
  const std::array<std::uint8_t*, 4> planes{target.data};
  const std::array<int, 4> strides{static_cast<int>(target.step)};
  sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, planes.data(), strides.data());
  if (!direct) turn_upright(target, orientation_, picture);
  return picture;
}

}  // namespace goshawk::media
