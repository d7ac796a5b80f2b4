// A number for how a picture looks: near for copies of a picture, far for different ones.
#pragma once

#include <algorithm>
#include <bit>
#include <compare>
#include <cstdint>
#include <opencv2/core/mat.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace goshawk::dataset {

/// Name of the method below, kept beside stored hashes: those of another method cannot be compared with them.
inline constexpr std::string_view kHashMethod = "dct64";

/// How a picture looks, and how it looks in a mirror (left and right exchanged).
struct PictureHash {
  std::uint64_t plain = 0, mirrored = 0;
  auto operator<=>(const PictureHash&) const = default;
};

/// 64 bits: the signs, against their median, of the 8 x 8 lowest frequencies (the ninth horizontal one in place of the mean)
/// of the picture in grey at 32 x 32. A picture that has hardly any of them (of one colour, of stripes along a side) gets a
/// number that only the same picture has (docs/decisions/097). Integers only, so that a picture has one hash on every
/// machine. Source: the DCT hash of C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010,
/// section 3.2. `image`: 8-bit BGR or grey, not empty, sides up to 16,777,216.
PictureHash perceptual_hash(const cv::Mat& image);

/// Bits that differ, 0..64: of the pictures as they are, or of one of them in a mirror where that is nearer.
inline int hash_distance(const PictureHash& a, const PictureHash& b) {
  return std::min(
      {std::popcount(a.plain ^ b.plain), std::popcount(a.plain ^ b.mirrored), std::popcount(a.mirrored ^ b.plain)});
}

/// 16 lower-case hexadecimal digits, and back; nullopt for any other text.
std::string hash_text(std::uint64_t hash);
std::optional<std::uint64_t> parse_hash(std::string_view text);

}  // namespace goshawk::dataset
