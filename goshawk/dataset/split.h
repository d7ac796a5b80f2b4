// Dividing a data set into training, validation and test images, so that none of them gives away another.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "goshawk/dataset/dataset.h"
#include "goshawk/dataset/perceptual_hash.h"

namespace goshawk::dataset {

/// What is kept together besides near duplicates.
enum class SplitBy : std::uint8_t {
  kSource,  // all frames of a video
  kBlock,   // the frames of a video within a block of time
  kImage,   // nothing
};

/// "source", "block", "image".
const char* name(SplitBy by);
std::optional<SplitBy> split_by_of(std::string_view name);

struct SplitOptions {
  std::array<std::int64_t, 3> ratio{70, 20, 10};  // train, val, test: weights, none negative, one positive
  std::uint64_t seed = 0;
  SplitBy by = SplitBy::kBlock;
  std::chrono::microseconds block{30'000'000};  // blocks begin at multiples of it
  int distance = 6;                             // perceptual hashes within it are near duplicates; -1: not looked at
};

/// Where an image was taken.
struct Origin {
  std::string source;                 // a video's name; empty: not known, the image stands alone
  std::chrono::microseconds time{0};  // in it
  bool operator==(const Origin&) const = default;
};

/// Origin of each image, in their order: from the frames.json beside an image, else its MOT sequence, else its name:
/// NAME_000123.jpg is a frame of NAME (four digits or more; 25 frames a second are assumed), and NAME_jpg.rf.HASH.jpg, as
/// Roboflow names its copies, an image of NAME. Names of photos (IMG_1234.jpg, 2008_001234.jpg) tell nothing. A frames.json
/// that cannot be read is passed over, and told in `notes`.
std::vector<Origin> origins_of(const Dataset& dataset, std::vector<std::string>* notes = nullptr);
/// What a name alone says.
Origin origin_of_name(const std::string& file);

/// Hash of each image's look; nullopt: not known, no other is near it.
using Hashes = std::vector<std::optional<PictureHash>>;

/// Number of the group of each image (in the order of the data set): what must stay together. Throws Error{kInterrupted} on
/// `stop`.
std::vector<std::uint32_t> split_groups(const Dataset& dataset, std::span<const Origin> origins, const Hashes& hashes,
                                        const SplitOptions& options, const std::stop_token& stop = {});

/// Gives each image a split, groups whole, so that images and the objects of each class come near the ratio: iterative
/// stratification (K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the Stratification of Multi-Label Data", ECML PKDD 2011) over
/// groups, largest first, then moves and exchanges of groups while the sum of chi-squared over classes and images falls.
/// Depends on the images' names, labels, groups and the seed alone: integers, and an own generator. Throws Error{kBadData}
/// when there are too few groups for the splits that the ratio asks for.
std::vector<Split> assign_splits(const Dataset& dataset, std::span<const std::uint32_t> groups, const SplitOptions& options);

/// Two images in different splits that should not be.
struct Leak {
  std::uint32_t a = 0, b = 0;  // places in Dataset::images
  int distance = -1;           // of their hashes; -1: not known
  bool near = false;           // near duplicates; else frames of one source (and block)
};

struct Leaks {
  std::vector<Leak> pairs;   // near duplicates first, nearest first; each image with one other
  std::uint64_t near = 0;    // images that are near one before them of another split, with those beyond the limit
  std::uint64_t blocks = 0;  // sources (or blocks of them) that lie in several splits
};

/// What is wrong with a split; images of Split::kNone are in none. At most `limit` pairs of each kind, one a block. Throws
/// Error{kInterrupted} on `stop`.
Leaks find_leaks(const Dataset& dataset, std::span<const Origin> origins, const Hashes& hashes, const SplitOptions& options,
                 std::size_t limit, const std::stop_token& stop = {});

}  // namespace goshawk::dataset
