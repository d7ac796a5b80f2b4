#include "goshawk/media/still.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <array>
#include <cstring>
#include <opencv2/imgproc.hpp>

#include "goshawk/core/error.h"
#include "goshawk/core/image_header.h"
#include "goshawk/media/frame_converter.h"
#include "goshawk/media/libav.h"
#include "goshawk/media/libav_log.h"
#include "goshawk/media/orientation.h"
#include "goshawk/media/webp.h"

namespace goshawk::media {
namespace {

AVCodecID codec_of(ImageFormat format) {
  switch (format) {
    case ImageFormat::kPng:
      return AV_CODEC_ID_PNG;
    case ImageFormat::kWebp:
      return AV_CODEC_ID_WEBP;
    case ImageFormat::kBmp:
      return AV_CODEC_ID_BMP;
    case ImageFormat::kTiff:
      return AV_CODEC_ID_TIFF;
    case ImageFormat::kNone:
    case ImageFormat::kJpeg:
      break;
  }
  return AV_CODEC_ID_NONE;
}

[[noreturn]] void throw_damaged(const std::string& where, int status) {
  std::string message = "the image cannot be decoded: " + error_text(status);
  if (const auto said = last_libav_message(); !said.empty()) message += ": " + said;
  throw Error(ErrorCode::kBadData, message, where);
}

/// The whole file as one packet, with the zeros behind it that libav's readers rely on.
Av<AVPacket> packet_of(std::string_view bytes) {
  auto packet = new_packet();
  check_memory(av_new_packet(packet.get(), static_cast<int>(bytes.size())) >= 0);
  std::memcpy(packet->data, bytes.data(), bytes.size());
  return packet;
}

/// libav gives black rows for compressions and layouts that it does not know.
void check_tiff_kind(const TiffDirectory& directory, const std::string& where) {
  constexpr std::uint32_t kCompression = 259, kTileOffsets = 324;
  // None, CCITT (3), LZW, deflate (2), PackBits, LZMA. Source: libavcodec 59.37, tiff.c.
  constexpr std::array<std::uint32_t, 9> kDecoded{1, 2, 3, 4, 5, 8, 32'773, 32'946, 34'925};
  const auto compression = directory.value(kCompression).value_or(1);
  std::string kind;
  if (directory.value(kTileOffsets)) kind = "stored in tiles";
  else if (compression == 6 || compression == 7) kind = "with JPEG inside";
  else if (std::find(kDecoded.begin(), kDecoded.end(), compression) == kDecoded.end()) {
    kind = "of compression " + std::to_string(compression);
  }
  if (kind.empty()) return;
  throw Error(ErrorCode::kBadData, "a TIFF " + kind + " cannot be read", where,
              "convert it to PNG, or to TIFF in strips with LZW or deflate");
}

/// Leaves the tags that say how the pixels are stored: where damage is an error, libav takes every tag that it does not
/// know (resolution, transparency, places on a map) for damage too.
void keep_pixel_tags(AVPacket& packet, const TiffDirectory& directory) {
  constexpr std::array<std::uint32_t, 20> kKept{256, 257, 258, 259, 262, 266, 273, 277, 278, 279,
                                                284, 292, 293, 317, 320, 322, 323, 324, 325, 530};
  unsigned char* const count = packet.data + directory.offset;
  unsigned char* to = count + 2;
  int kept = 0;
  for (const auto& entry : directory.entries) {
    if (std::find(kKept.begin(), kKept.end(), entry.tag) == kKept.end()) continue;
    std::memmove(to, packet.data + entry.offset, TiffDirectory::kEntrySize);
    to += TiffDirectory::kEntrySize;
    ++kept;
  }
  count[directory.big_endian ? 0 : 1] = static_cast<unsigned char>(kept >> 8);
  count[directory.big_endian ? 1 : 0] = static_cast<unsigned char>(kept & 0xFF);
}

Av<AVFrame> decode(const Av<AVPacket>& packet, ImageFormat format, const std::string& where, std::int64_t max_pixels) {
  const AVCodec* decoder = avcodec_find_decoder(codec_of(format));
  if (decoder == nullptr) {
    throw Error(ErrorCode::kUnavailable, "this build of libav cannot decode this kind of image", where,
                "see `goshawk doctor`");
  }
  auto codec = new_codec_context(decoder);
  codec->max_pixels = max_pixels;
  codec->thread_count = 1;
  codec->err_recognition = AV_EF_EXPLODE;  // damage is an error, not a picture with holes
  int status = avcodec_open2(codec.get(), decoder, nullptr);
  if (status >= 0) status = avcodec_send_packet(codec.get(), packet.get());
  if (status >= 0) status = avcodec_send_packet(codec.get(), nullptr);
  auto frame = new_frame();
  if (status >= 0) status = avcodec_receive_frame(codec.get(), frame.get());
  if (status < 0) throw_damaged(where, status);
  return frame;
}

/// Number of interleaved 16-bit channels of formats that are cut to their high bytes; 0 for other formats.
int wide_channels(AVPixelFormat format) {
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
  if (description == nullptr || description->comp[0].depth != 16) return 0;
  const bool planar = (description->flags & AV_PIX_FMT_FLAG_PLANAR) != 0;
  const bool colour = (description->flags & AV_PIX_FMT_FLAG_RGB) != 0;
  if (!colour && description->nb_components > 2) return 0;
  return planar ? 0 : description->nb_components;
}

/// High bytes of gray, gray + alpha, RGB or RGBA, as BGR.
cv::Mat high_bytes(const AVFrame& frame, int channels) {
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  const int high = (description->flags & AV_PIX_FMT_FLAG_BE) != 0 ? 0 : 1;
  const bool colour = channels >= 3;
  cv::Mat bgr(frame.height, frame.width, CV_8UC3);
  for (int y = 0; y < frame.height; ++y) {
    const std::uint8_t* from = frame.data[0] + std::ptrdiff_t{y} * frame.linesize[0] + high;
    std::uint8_t* to = bgr.ptr(y);
    for (int x = 0; x < frame.width; ++x, from += 2 * channels, to += 3) {
      for (int i = 0; i < 3; ++i) to[i] = colour ? from[description->comp[2 - i].offset] : from[0];
    }
  }
  return bgr;
}

cv::Mat bgr_of(const AVFrame& frame) {
  const auto format = static_cast<AVPixelFormat>(frame.format);
  if (const int channels = wide_channels(format); channels > 0) return high_bytes(frame, channels);
  if (format == AV_PIX_FMT_GRAY8) {
    const cv::Mat gray(frame.height, frame.width, CV_8UC1, frame.data[0], static_cast<std::size_t>(frame.linesize[0]));
    cv::Mat bgr;
    cv::cvtColor(gray, bgr, cv::COLOR_GRAY2BGR);
    return bgr;
  }
  // A photo is worth swscale's slow and smooth path.
  FrameConverter converter({}, SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP);
  return converter.convert(frame, frame.width, frame.height);
}

void check_pixels(std::int64_t width, std::int64_t height, std::int64_t max_pixels, const std::string& where) {
  if (width * height <= max_pixels) return;
  throw Error(ErrorCode::kBadData, "the image has more pixels than the limit of " + std::to_string(max_pixels), where);
}

cv::Mat decode_packet(const Av<AVPacket>& packet, ImageFormat format, const std::string& where, std::int64_t max_pixels) {
  const auto frame = decode(packet, format, where, max_pixels);
  check_pixels(frame->width, frame->height, max_pixels, where);
  return bgr_of(*frame);
}

cv::Mat decode_tiff(std::string_view bytes, const std::string& where, std::int64_t max_pixels) {
  MemoryBytes file(bytes);
  const auto directory = read_tiff_directory(file);
  if (!directory) throw Error(ErrorCode::kBadData, "the TIFF is cut short", where);
  check_tiff_kind(*directory, where);
  const auto packet = packet_of(bytes);
  keep_pixel_tags(*packet, *directory);
  return turned_upright(decode_packet(packet, ImageFormat::kTiff, where, max_pixels),
                        orientation_of_exif(directory->orientation()));
}

/// libav reads no animations: it gets the first frame as a file of its own. Source of the place and of the black around
/// it: libwebp 1.3, anim_decode.c, which clears the canvas whatever background the file names; alpha is dropped here.
cv::Mat decode_animated_webp(std::string_view bytes, const std::string& where, std::int64_t max_pixels) {
  const auto first = first_frame_of_webp(bytes);
  if (!first) throw Error(ErrorCode::kBadData, "the animation has no whole first frame", where);
  check_pixels(first->canvas.width, first->canvas.height, max_pixels, where);
  const cv::Mat frame = decode_packet(packet_of(first->still), ImageFormat::kWebp, where, max_pixels);
  const cv::Rect canvas({0, 0}, first->canvas), place(first->corner, frame.size());
  if (place == canvas) return frame;
  if ((place & canvas) != place) throw Error(ErrorCode::kBadData, "the first frame reaches out of the animation", where);
  cv::Mat picture = cv::Mat::zeros(first->canvas, CV_8UC3);
  frame.copyTo(picture(place));
  return picture;
}

}  // namespace

cv::Mat decode_still(std::string_view bytes, ImageFormat format, const std::string& where, std::int64_t max_pixels) {
  silence_libav();
  forget_libav_message();
  if (format == ImageFormat::kTiff) return decode_tiff(bytes, where, max_pixels);
  if (format == ImageFormat::kWebp && is_animated_webp(bytes)) return decode_animated_webp(bytes, where, max_pixels);
  return decode_packet(packet_of(bytes), format, where, max_pixels);
}

std::string encode_png(const cv::Mat& image) {
  silence_libav();
  const AVCodec* encoder = avcodec_find_encoder(AV_CODEC_ID_PNG);
  if (encoder == nullptr) throw Error(ErrorCode::kUnavailable, "this build of libav cannot write PNG");
  auto codec = new_codec_context(encoder);
  codec->width = image.cols;
  codec->height = image.rows;
  codec->pix_fmt = AV_PIX_FMT_RGB24;
  codec->time_base = {1, 1};
  codec->compression_level = 3;
  codec->thread_count = 1;
  auto frame = new_frame();
  frame->format = AV_PIX_FMT_RGB24;
  frame->width = image.cols;
  frame->height = image.rows;
  check_memory(av_frame_get_buffer(frame.get(), 0) >= 0);
  cv::Mat rgb(image.rows, image.cols, CV_8UC3, frame->data[0], static_cast<std::size_t>(frame->linesize[0]));
  cv::cvtColor(image, rgb, cv::COLOR_BGR2RGB);

  AvOptions settings;
  settings.set("pred", "up");
  auto packet = new_packet();
  int status = avcodec_open2(codec.get(), encoder, settings.get());
  if (status >= 0) status = avcodec_send_frame(codec.get(), frame.get());
  if (status >= 0) status = avcodec_receive_packet(codec.get(), packet.get());
  if (status < 0) throw Error(ErrorCode::kInternal, "the PNG cannot be made: " + error_text(status));
  return {reinterpret_cast<const char*>(packet->data), static_cast<std::size_t>(packet->size)};
}

}  // namespace goshawk::media
