#include "goshawk/media/orientation.h"

#include <cstdlib>
#include <opencv2/core.hpp>
#include <optional>

namespace goshawk::media {
namespace {

/// Big- or little-endian numbers of a TIFF structure; nullopt beyond its end.
class TiffBytes {
 public:
  TiffBytes(std::string_view bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  std::optional<std::uint32_t> number(std::size_t offset, std::size_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t place = big_endian_ ? i : size - 1 - i;
      value = value << 8 | static_cast<unsigned char>(bytes_[offset + place]);
    }
    return value;
  }

 private:
  std::string_view bytes_;
  bool big_endian_;
};

int orientation_of_tiff(std::string_view tiff) {
  if (!tiff.starts_with("II") && !tiff.starts_with("MM")) return 1;
  const TiffBytes bytes(tiff, tiff.starts_with("MM"));
  const auto folder = bytes.number(4, 4);
  const auto count = folder ? bytes.number(*folder, 2) : std::nullopt;
  if (!count) return 1;
  constexpr std::uint32_t kOrientationTag = 0x0112, kShort = 3;
  for (std::size_t i = 0; i < *count; ++i) {
    const std::size_t entry = *folder + 2 + 12 * i;
    const auto tag = bytes.number(entry, 2);
    if (!tag) return 1;
    if (*tag != kOrientationTag) continue;
    const auto value = bytes.number(entry + 8, 2);
    return bytes.number(entry + 2, 2) == kShort && value && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
  }
  return 1;
}

}  // namespace

int Orientation::degrees() const {
  if (transpose) return flip_y && !flip_x ? 270 : 90;
  return flip_x && flip_y ? 180 : 0;
}

Orientation orientation_of_matrix(const std::int32_t* matrix) {
  // A point (x, y) goes to (a x + c y, b x + d y).
  const std::int64_t a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
  if (std::abs(b) + std::abs(c) > std::abs(a) + std::abs(d)) return {true, c < 0, b < 0};
  return {false, a < 0, d < 0};
}

Orientation orientation_of_exif(int value) {
  switch (value) {
    case 2:
      return {false, true, false};
    case 3:
      return {false, true, true};
    case 4:
      return {false, false, true};
    case 5:
      return {true, false, false};
    case 6:
      return {true, true, false};
    case 7:
      return {true, true, true};
    case 8:
      return {true, false, true};
    default:
      return {};
  }
}

int exif_orientation_of_jpeg(std::string_view bytes) {
  constexpr unsigned char kStartOfScan = 0xDA, kApp1 = 0xE1;
  const TiffBytes numbers(bytes, true);
  std::size_t at = 2;  // behind the start-of-image marker
  for (;;) {
    const auto marker = numbers.number(at, 2);
    const auto length = numbers.number(at + 2, 2);
    if (!marker || !length || *marker >> 8 != 0xFF || *length < 2 || (*marker & 0xFF) == kStartOfScan) return 1;
    const std::string_view segment = bytes.substr(at + 4, *length - 2);
    if ((*marker & 0xFF) == kApp1 && segment.starts_with(std::string_view("Exif\0\0", 6))) {
      return orientation_of_tiff(segment.substr(6));
    }
    at += 2 + *length;
  }
}

void turn_upright(const cv::Mat& stored, const Orientation& orientation, cv::Mat& out) {
  const auto& [transpose, flip_x, flip_y] = orientation;
  const cv::Mat* from = &stored;
  if (transpose) {
    cv::transpose(stored, out);
    from = &out;
  }
  if (flip_x || flip_y) {
    cv::flip(*from, out, flip_x && flip_y ? -1 : flip_x ? 1 : 0);
  } else if (!transpose) {
    stored.copyTo(out);
  }
}

}  // namespace goshawk::media
