// Attributes of images (ImageEntry::attributes) for which COCO has fields of its own.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace goshawk::dataset {

// An entry of "licenses", which images name by number.
inline constexpr std::string_view kLicense = "license", kLicenseUrl = "license_url";

/// Fields of an image with a text: where it came from, and when.
inline bool is_origin(std::string_view name) {
  constexpr std::array<std::string_view, 3> kFields{"flickr_url", "coco_url", "date_captured"};
  return std::find(kFields.begin(), kFields.end(), name) != kFields.end();
}

}  // namespace goshawk::dataset
