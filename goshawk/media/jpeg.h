// JPEG through libjpeg-turbo.
#pragma once

#include <cstdint>
#include <opencv2/core/mat.hpp>
#include <string>
#include <string_view>

namespace goshawk::media {

/// Decodes as libjpeg does by default (slow integer DCT, smooth chroma), so that the pixels equal those of cv2.imread; gray
/// and CMYK become BGR (CMYK by Adobe's inverted convention, as in OpenCV 4.6). EXIF orientation is applied.
/// `where` names the bytes in messages. Throws Error{kBadData} for damage, and before any memory is asked for when the
/// header promises more than `max_pixels`. With `enough` > 0 the picture is decoded at the smallest of the scales 1/8, 1/4,
/// 3/8, 1/2, 3/4 and 1 at which its longer side still has that many pixels.
cv::Mat decode_jpeg(std::string_view bytes, const std::string& where, std::int64_t max_pixels, int enough = 0);

/// `image`: 8-bit BGR, sides at most 65,500. `quality` 1..100, chroma at half size in both directions.
std::string encode_jpeg(const cv::Mat& image, int quality);

}  // namespace goshawk::media
