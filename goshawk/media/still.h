// Still pictures that libav decodes and encodes.
#pragma once

#include <cstdint>
#include <opencv2/core/mat.hpp>
#include <string>
#include <string_view>

#include "goshawk/media/source_kind.h"

namespace goshawk::media {

/// Decodes PNG, WebP, BMP or TIFF (the first page or frame) to 8-bit BGR: 16-bit values keep their high byte, alpha is
/// dropped, as with cv2.imread; TIFF is turned as its Orientation says. `where` names the bytes. Throws Error{kBadData},
/// without allocating when there are more than `max_pixels`.
cv::Mat decode_still(std::string_view bytes, ImageFormat format, const std::string& where, std::int64_t max_pixels);

/// `image`: 8-bit BGR.
std::string encode_png(const cv::Mat& image);

}  // namespace goshawk::media
