// Bit masks as COCO stores them: run lengths column by column, their compressed text, and the masks of polygons.
// Source of all rules: COCO's data format page, and the behaviour of pycocotools 2.0.11.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/dataset/dataset.h"

namespace goshawk::dataset {

/// Run lengths from COCO's compressed text: groups of five bits, least significant first, as characters from '0' on; from
/// the fourth run on the difference to the run two before. nullopt when the text is cut off, holds other characters, a
/// negative run, or does not cover height * width pixels exactly.
std::optional<std::vector<std::uint32_t>> decode_runs(std::string_view text, std::uint32_t height, std::uint32_t width);
std::string encode_runs(std::span<const std::uint32_t> counts);

/// Whether the runs cover height * width pixels exactly, of at most 2^32 - 1.
bool covers_image(const RunLengths& mask);

/// Pixels of the object.
std::uint64_t mask_area(const RunLengths& mask);
/// The smallest rectangle of whole pixels around the object; zeros where there is none. A run that goes on in the next
/// column counts with the whole height, as in pycocotools.
Rectangle mask_bounds(const RunLengths& mask);

/// Whether `mask_of_polygons` takes it: at least one polygon, each of at least three points, whose coordinates are finite
/// and within 10^7 of the origin.
bool is_drawable(const Polygons& polygons);
/// The pixels inside any of the polygons, in an image of that size: outlines are drawn five times as fine, a pixel belongs
/// to the object when its centre lies inside by that outline. Aborts unless `is_drawable`; height * width < 2^32. Throws
/// Error{kBadData} for an outline that crosses more than 20 million columns.
RunLengths mask_of_polygons(const Polygons& polygons, std::uint32_t height, std::uint32_t width);
/// The mask itself, or that of its polygons in an image of that size.
RunLengths mask_in_image(const Mask& mask, std::uint32_t height, std::uint32_t width);

/// Pixels in any of the masks, all of the same size.
RunLengths united(std::span<const RunLengths> masks);
/// Intersection over union; over the area of `detected` alone where the other is a crowd. -1 when the sizes differ (and the
/// bounds meet).
double mask_overlap(const RunLengths& detected, const RunLengths& truth, bool crowd);

}  // namespace goshawk::dataset
