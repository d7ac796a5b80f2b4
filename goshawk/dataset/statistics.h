// What is in a data set, in numbers.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "goshawk/dataset/dataset.h"

namespace goshawk::dataset {

constexpr std::size_t kPlaces = 32;  // rows and columns of the map of box centres

/// Of one class, or of a split.
struct ObjectCounts {
  std::size_t objects = 0, images = 0;
  std::array<std::size_t, 3> sizes{};  // COCO's small (< 32^2 pixels of area), medium (< 96^2), large; where sizes are known
};

struct Statistics {
  std::vector<ObjectCounts> classes;           // as Dataset::categories; images: those with such an object
  std::array<ObjectCounts, 4> splits{};        // by Split; images: all of the split
  ObjectCounts all;                            // images: all
  std::size_t background = 0;                  // labelled images without objects
  std::size_t unlabelled = 0;                  // images without labels
  std::vector<std::size_t> objects_per_image;  // one an image that counts
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> image_sizes;  // width, height: images; 0 x 0: not known
  std::vector<double> widths, heights;  // of boxes as fractions of the image; where its size is known or not needed
  std::vector<double> side;             // square root of width * height, pixels; where the image's size is known
  std::vector<double> places;           // kPlaces x kPlaces: centres of boxes, row by row from the top
};

/// Of all images, or of those of one split. Boxes that are not finite count as objects only.
Statistics statistics(const Dataset& dataset, std::optional<Split> only = {});

/// Annotations that are labels of one object each: neither crowds nor, as they carry a confidence, a model's answers.
std::size_t object_count(const Dataset& dataset);

/// Annotations that carry a confidence.
std::size_t scored_count(const Dataset& dataset);
/// What to tell of `count` of them where labels are needed.
std::string scored_note(std::size_t count);

}  // namespace goshawk::dataset
