// Pictures that look the same, among many.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <opencv2/core/mat.hpp>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "goshawk/dataset/perceptual_hash.h"

namespace goshawk::dataset {

/// Largest distance that can be searched for. From about 10 on, different pictures are found too (docs/decisions/071).
inline constexpr int kMostHashDistance = 16;
/// Copies of one picture lie within it, different pictures beyond.
inline constexpr int kNearHashDistance = 6;

/// An item, and a near one before it.
struct NearPair {
  std::uint32_t item = 0, other = 0;  // places in the list of hashes
  int distance = 0;                   // hash_distance
  bool across = false;                // they are of different parts
  bool operator==(const NearPair&) const = default;
};

/// Of each item, the nearest one before it that is within `max_distance` (0..kMostHashDistance): of another part where there
/// is such, and of those that are as near the first. Items of equal hashes stand together, where the first of them is.
/// `parts`: 0..3 of each hash, or none at all; 0 is no part. Those across come first, then the nearest.
/// Exact: bands of bits of which one must agree, or nearly so, in each such pair (multi-index hashing; M. Norouzi,
/// A. Punjani, D. Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", CVPR 2012). Equal hashes are looked at
/// once, so that a thousand copies cost no million comparisons. Throws Error{kInterrupted} on `stop`.
std::vector<NearPair> nearest_before(std::span<const PictureHash> hashes, int max_distance,
                                     std::span<const std::uint8_t> parts = {}, const std::stop_token& stop = {});

/// Of each item, the first item that it is tied to by a chain of near pairs (itself where there is none). Throws
/// Error{kInterrupted} on `stop`.
std::vector<std::uint32_t> near_duplicate_groups(std::span<const PictureHash> hashes, int max_distance,
                                                 const std::stop_token& stop = {});

/// Decodes an image as 8-bit BGR; throws Error. Called from several threads.
using ImageReader = std::function<cv::Mat(const std::filesystem::path&)>;

struct HashedImages {
  std::vector<std::optional<PictureHash>> hashes;                 // nullopt: the image cannot be read
  std::vector<std::pair<std::uint32_t, std::string>> unreadable;  // place and why, ascending
};

/// Hashes of all images, on all cores. `progress` is told how many are done, from several threads one at a time; may be
/// empty. Throws Error{kInterrupted} on `stop`.
HashedImages hash_images(std::span<const std::filesystem::path> images, const ImageReader& read, std::stop_token stop = {},
                         const std::function<void(std::int64_t done)>& progress = {});

}  // namespace goshawk::dataset
