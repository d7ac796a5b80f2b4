// Single images in and out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <opencv2/core/mat.hpp>
#include <string>
#include <string_view>

namespace goshawk::media {

/// Reads JPEG (libjpeg-turbo), PNG, WebP, BMP, TIFF (libav) as 8-bit BGR; the orientation of EXIF in JPEG and of TIFF's tag
/// is applied, alpha is dropped, 16-bit values keep their high byte. Content decides the format, not the name. Of animated
/// WebP and of pages, the first. TIFF: in strips; uncompressed, CCITT, LZW, deflate (not all damage is noticed), PackBits or
/// LZMA. Throws Error{kNotFound}, {kBadData} when it is damaged or cut short, no image, of a kind that cannot be read, or
/// has more than `max_pixels`.
cv::Mat read_image(const std::filesystem::path& path, std::int64_t max_pixels = 8192LL * 8192);

/// The same for a use that needs no more than `enough` pixels on the longer side (0: all): a large JPEG is decoded at a
/// reduced scale, at which it still has as many. Other formats come whole.
cv::Mat read_image_reduced(const std::filesystem::path& path, int enough, std::int64_t max_pixels = 8192LL * 8192);

/// The same for bytes in memory (at most 2 GiB); `where` names them in messages.
cv::Mat decode_image(std::string_view bytes, const std::string& where, std::int64_t max_pixels = 8192LL * 8192);

/// Writes 8-bit BGR by the extension of `path`: .jpg/.jpeg (`quality` 1..100) or .png. Atomic. Throws Error{kIo, kUsage}.
void write_image(const std::filesystem::path& path, const cv::Mat& image, int quality = 92);

/// True for the extensions that `read_image` takes (.jpg .jpeg .png .webp .bmp .tif .tiff), any case.
bool has_image_extension(const std::filesystem::path& path);

}  // namespace goshawk::media
