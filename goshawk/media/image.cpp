#include "goshawk/media/image.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <string_view>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/text.h"
#include "goshawk/media/jpeg.h"
#include "goshawk/media/source_kind.h"
#include "goshawk/media/still.h"

namespace goshawk::media {
namespace {

std::string lower_extension(const std::filesystem::path& path) { return to_lower(path.extension().string()); }

bool is_jpeg_name(const std::filesystem::path& path) {
  const auto extension = lower_extension(path);
  return extension == ".jpg" || extension == ".jpeg";
}

/// No picture of `max_pixels` needs a larger file: four 16-bit channels, uncompressed, and room for metadata.
std::uint64_t largest_file(std::int64_t max_pixels) {
  const auto pixels = static_cast<std::uint64_t>(std::clamp<std::int64_t>(max_pixels, 0, 1LL << 27));
  return std::min<std::uint64_t>(pixels * 8 + (64U << 20), std::numeric_limits<int>::max() - 4096);
}

}  // namespace

cv::Mat decode_image(std::string_view bytes, const std::string& where, std::int64_t max_pixels) {
  if (bytes.empty()) throw Error(ErrorCode::kBadData, "the file is empty", where);
  const ImageFormat format = sniff_image(bytes);
  if (format == ImageFormat::kNone) {
    throw Error(ErrorCode::kBadData, "this is no image that can be read", where, "JPEG, PNG, WebP, BMP and TIFF can");
  }
  if (format == ImageFormat::kJpeg) return decode_jpeg(bytes, where, max_pixels);
  return decode_still(bytes, format, where, max_pixels);
}

cv::Mat read_image(const std::filesystem::path& path, std::int64_t max_pixels) {
  return read_image_reduced(path, 0, max_pixels);
}

cv::Mat read_image_reduced(const std::filesystem::path& path, int enough, std::int64_t max_pixels) {
  (void)first_bytes(path);  // a folder, a pipe or an empty file ends here
  const std::string bytes = read_file(path, largest_file(max_pixels));
  if (sniff_image(bytes) == ImageFormat::kJpeg) return decode_jpeg(bytes, path.string(), max_pixels, enough);
  return decode_image(bytes, path.string(), max_pixels);
}

void write_image(const std::filesystem::path& path, const cv::Mat& image, int quality) {
  require(image.type() == CV_8UC3, "write_image takes 8-bit BGR");
  const bool jpeg = is_jpeg_name(path);
  if (!jpeg && lower_extension(path) != ".png") {
    throw Error(ErrorCode::kUsage, "images are written as .jpg, .jpeg or .png", path.string());
  }
  constexpr int kMostOfJpeg = 65'500;
  if (image.empty() || (jpeg && std::max(image.cols, image.rows) > kMostOfJpeg)) {
    throw Error(ErrorCode::kUsage, "an image of this size cannot be written", path.string());
  }
  write_file_atomically(path, jpeg ? encode_jpeg(image, quality) : encode_png(image));
}

bool has_image_extension(const std::filesystem::path& path) {
  constexpr std::array<std::string_view, 7> kExtensions{".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"};
  return std::find(kExtensions.begin(), kExtensions.end(), lower_extension(path)) != kExtensions.end();
}

}  // namespace goshawk::media
