// Joining data sets, and taking a part of one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "goshawk/dataset/dataset.h"

namespace goshawk::dataset {

/// One set of all images and objects. Classes of the same name are one; a class whose number is taken gets the next free
/// one. Images are numbered anew; those of another root than the first's get absolute paths; splits stay. Sequences of the
/// same name get numbers ("cam-2"). Of what the parts say of themselves stays what all say alike: the rest would not be true
/// of the whole.
Dataset merge(std::vector<Dataset> parts);

/// Leaves in `about` (Dataset::about) what `other` says, too.
void keep_common(Attributes& about, const Attributes& other);

/// Side of an object in pixels, or as a fraction of its image's side.
struct SizeLimit {
  double value = 0;
  bool fraction = false;
};

/// "16" and "16px" are pixels; "0.05" and "5%" are fractions. Throws Error{kUsage} for anything else.
SizeLimit parse_size_limit(std::string_view text);

struct Filter {
  std::optional<Split> split;         // images of this one only
  std::optional<SizeLimit> min_size;  // objects are left out whose width or height is less
  std::optional<SizeLimit> max_size;  // or greater
  double min_score = 0;               // of objects that have a score
  bool labelled_only = false;         // images that have a label file or objects
  bool with_objects = false;          // images on which an object is left
  std::optional<std::size_t> limit;   // that many images of those left, at random, in their order
  std::uint64_t seed = 0;
};

/// What `filter` took away.
struct Filtered {
  std::size_t images = 0, objects = 0;
};

/// Leaves out objects, then images. Sizes in the unit that an image's size is not known for (see Rectangle) count as
/// fractions; an object is then kept by a limit in pixels.
Filtered filter(Dataset& dataset, const Filter& filter);

/// Makes one entry of those of one file, in whatever splits they are: the first, with the objects of the others that it does
/// not have. Returns how many were taken out.
std::size_t join_entries(Dataset& dataset);

/// Removes the images for which `keep` is 0 with their objects. SHAPE: one for each image. Images that were numbered
/// 1, 2, 3, ... are so again; other numbers stay.
void keep_images(Dataset& dataset, std::span<const char> keep);

/// Removes the classes for which `keep` is 0 with their objects; the others keep their numbers. SHAPE: one for each class.
void keep_classes(Dataset& dataset, std::span<const char> keep);

/// Removes masks and attributes that no object refers to.
void drop_unused(Dataset& dataset);

}  // namespace goshawk::dataset
