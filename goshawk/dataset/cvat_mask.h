// CVAT's bit masks: run lengths row by row within the mask's own box.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "goshawk/dataset/dataset.h"

namespace goshawk::dataset {

/// As the attributes of <mask> have it. Source: docs.cvat.ai, "XML annotation format", run-length encoding.
struct CvatMask {
  std::uint32_t left = 0, top = 0, width = 0, height = 0;  // pixels
  std::string runs;                                        // "3, 5, 2": background first
};

/// The mask within an image of that size. nullopt: its runs are no numbers, do not fill its box, or the box is not within
/// the image; or the image has 2^31 pixels or more.
std::optional<RunLengths> from_cvat(const CvatMask& mask, std::uint32_t image_width, std::uint32_t image_height);

/// With the smallest box around what is set. nullopt: nothing is set, the runs do not fill the image, or the box has 2^28
/// pixels or more.
std::optional<CvatMask> to_cvat(const RunLengths& mask);

/// The smallest box around what is set; nullopt when nothing is.
std::optional<Rectangle> extent(const RunLengths& mask);

}  // namespace goshawk::dataset
