// Width and height of image files from their headers, without decoding.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "goshawk/dataset/dataset.h"
#include "goshawk/dataset/problems.h"

namespace goshawk::dataset {

struct ImageSize {
  std::uint32_t width = 0, height = 0;  // pixels, as stored; both at least 1
  bool sideways = false;                // EXIF orientation 5 to 8: shown with width and height exchanged

  std::uint32_t shown_width() const { return sideways ? height : width; }
  std::uint32_t shown_height() const { return sideways ? width : height; }
  bool operator==(const ImageSize&) const = default;
};

/// Of a JPEG, PNG, BMP, WebP, GIF or TIFF file (first page) in memory; told by its content. nullopt: none of these, cut off
/// before the size, or a size of 0. EXIF orientation is read from JPEG and TIFF. Sources: ITU-T T.81, W3C PNG, RFC 9649,
/// GIF89a, TIFF 6.0, CIPA DC-008.
std::optional<ImageSize> image_size(std::string_view file);

/// The same for a file, of which only the parts that matter are read (a few kilobytes; at most 1,000 segments).
/// nullopt: also when it cannot be opened or is no regular file; `errno` of opening is then in `error` where given.
std::optional<ImageSize> read_image_size(const std::filesystem::path& path, int* error = nullptr);

/// Sets width and height (as shown) of the images that have none, from their files, on all cores, and turns their
/// annotations from fractions into pixels; `in_pixels`: they are so already, as MOT's are without seqinfo.ini. Images that
/// are missing or unreadable stay as they are and are listed. Throws Error{kInterrupted} on `stop`.
void fill_image_sizes(Dataset& dataset, ProblemList& problems, const std::stop_token& stop = {}, bool in_pixels = false);

}  // namespace goshawk::dataset
