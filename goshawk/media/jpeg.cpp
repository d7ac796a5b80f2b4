#include "goshawk/media/jpeg.h"

#include <fmt/format.h>
#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <memory>

#include "goshawk/core/error.h"
#include "goshawk/core/image_header.h"
#include "goshawk/media/orientation.h"

namespace goshawk::media {
namespace {

struct TurboDeleter {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Turbo = std::unique_ptr<void, TurboDeleter>;

struct Header {
  int width = 0, height = 0, colorspace = TJCS_YCbCr;
};

Header read_header(tjhandle decoder, const unsigned char* bytes, std::size_t size, const std::string& where) {
  Header header;
  int subsampling = 0;
  const int status =
      tjDecompressHeader3(decoder, bytes, size, &header.width, &header.height, &subsampling, &header.colorspace);
  // An unusual subsampling is an error of this call only: the size is known then, and decoding works.
  if (status != 0 && (header.width < 1 || header.height < 1)) {
    throw Error(ErrorCode::kBadData, std::string("the JPEG cannot be read: ") + tjGetErrorStr2(decoder), where);
  }
  return header;
}

/// libjpeg goes on after damage with gray pixels and a warning. Bytes too many between two markers do no harm.
bool harmless(const std::string& warning) { return warning.find("extraneous bytes") != std::string::npos; }

/// Whether the picture's end follows its data, and so nothing of it was cut off: libjpeg tells of the first damage alone.
/// Markers: ITU-T T.81, B.1.
bool has_end_of_image(std::string_view bytes) {
  constexpr unsigned char kEnd = 0xD9, kFirstRestart = 0xD0, kLastRestart = 0xD8, kTemporary = 0x01;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  for (std::size_t i = 2; i + 1 < bytes.size();) {
    const unsigned char marker = byte(i + 1);
    const bool is_marker = byte(i) == 0xFF && marker != 0 && marker != 0xFF;
    const bool is_alone = marker == kTemporary || (marker >= kFirstRestart && marker <= kLastRestart);
    if (is_marker && marker == kEnd) return true;
    if (!is_marker || is_alone) ++i;
    else if (i + 3 < bytes.size()) i += 2 + std::size_t{byte(i + 2)} * 256 + byte(i + 3);
    else break;
  }
  return false;
}

void decode_into(cv::Mat& image, int format, tjhandle decoder, std::string_view bytes, const std::string& where) {
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  const int status = tjDecompress2(decoder, data, bytes.size(), image.data, image.cols, static_cast<int>(image.step),
                                   image.rows, format, TJFLAG_LIMITSCANS);
  if (status == 0) return;
  const std::string said = tjGetErrorStr2(decoder);
  if (tjGetErrorCode(decoder) == TJERR_WARNING && harmless(said) && has_end_of_image(bytes)) return;
  // Of headers without a picture it says "tjDecompress2(): Invalid argument", which is of no use to anybody.
  const bool of_the_call = said.starts_with("tjDecompress");
  throw Error(ErrorCode::kBadData, "the JPEG is damaged or cut short" + (of_the_call ? "" : ": " + said), where);
}

/// libjpeg-turbo leaves out coefficients that a smaller picture does not need.
tjscalingfactor scale_for(const Header& header, int enough) {
  constexpr std::array<tjscalingfactor, 5> kScales{{{1, 8}, {1, 4}, {3, 8}, {1, 2}, {3, 4}}};
  if (enough > 0) {
    for (const auto scale : kScales) {
      if (TJSCALED(std::max(header.width, header.height), scale) >= enough) return scale;
    }
  }
  return {1, 1};
}

/// Adobe stores CMYK inverted. Source of the rounding: OpenCV 4.6, imgcodecs.
cv::Mat bgr_of_cmyk(const cv::Mat& cmyk) {
  cv::Mat bgr(cmyk.rows, cmyk.cols, CV_8UC3);
  for (int y = 0; y < cmyk.rows; ++y) {
    const unsigned char* from = cmyk.ptr(y);
    unsigned char* to = bgr.ptr(y);
    for (int x = 0; x < cmyk.cols; ++x, from += 4, to += 3) {
      const int k = from[3];
      for (int i = 0; i < 3; ++i) to[2 - i] = static_cast<unsigned char>(k - ((255 - from[i]) * k >> 8));
    }
  }
  return bgr;
}

}  // namespace

cv::Mat decode_jpeg(std::string_view bytes, const std::string& where, std::int64_t max_pixels, int enough) {
  const Turbo decoder(tjInitDecompress());
  require(decoder != nullptr, "libjpeg-turbo does not start");
  const auto header = read_header(decoder.get(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), where);
  if (std::int64_t{header.width} * header.height > max_pixels) {
    throw Error(
        ErrorCode::kBadData,
        fmt::format("the image has {} x {} pixels, more than the limit of {}", header.width, header.height, max_pixels),
        where);
  }
  const bool cmyk = header.colorspace == TJCS_CMYK || header.colorspace == TJCS_YCCK;
  const auto scale = scale_for(header, enough);
  cv::Mat stored(TJSCALED(header.height, scale), TJSCALED(header.width, scale), cmyk ? CV_8UC4 : CV_8UC3);
  decode_into(stored, cmyk ? TJPF_CMYK : TJPF_BGR, decoder.get(), bytes, where);
  if (cmyk) stored = bgr_of_cmyk(stored);

  MemoryBytes file(bytes);
  return turned_upright(stored, orientation_of_exif(read_jpeg_header(file).orientation));
}

std::string encode_jpeg(const cv::Mat& image, int quality) {
  const Turbo encoder(tjInitCompress());
  require(encoder != nullptr, "libjpeg-turbo does not start");
  unsigned char* data = nullptr;
  unsigned long size = 0;
  const int status = tjCompress2(encoder.get(), image.data, image.cols, static_cast<int>(image.step), image.rows, TJPF_BGR,
                                 &data, &size, TJSAMP_420, std::clamp(quality, 1, 100), 0);
  const std::unique_ptr<unsigned char, decltype(&tjFree)> owner(data, &tjFree);
  if (status != 0)
    throw Error(ErrorCode::kInternal, std::string("the JPEG cannot be made: ") + tjGetErrorStr2(encoder.get()));
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace goshawk::media
