// A number for how a picture looks: near for copies of a picture, far for different ones.
#pragma once

#include <bit>
#include <cstdint>
#include <opencv2/core/mat.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace goshawk::dataset {

/// Name of the method below, kept beside stored hashes: those of another method cannot be compared with them.
inline constexpr std::string_view kHashMethod = "dct64";

/// 64 bits: the signs, against their median, of the 8 x 8 lowest frequencies (without those that are constant along a side)
/// of the picture in grey at 32 x 32. Integers only, so that a picture has one hash on every machine. Source: the DCT hash
/// of C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, section 3.2. `image`: 8-bit BGR
/// or grey, not empty, sides up to 16,777,216.
std::uint64_t perceptual_hash(const cv::Mat& image);

/// Bits that differ, 0..64.
inline int hash_distance(std::uint64_t a, std::uint64_t b) { return std::popcount(a ^ b); }

/// 16 lower-case hexadecimal digits, and back; nullopt for any other text.
std::string hash_text(std::uint64_t hash);
std::optional<std::uint64_t> parse_hash(std::string_view text);

}  // namespace goshawk::dataset
