// What a detector says of one frame.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "goshawk/core/geometry.h"

namespace goshawk {

/// One detected object, in pixels of the image that was given to the detector.
struct Detection {
  Box box;
  float score = 0;               // confidence in [0, 1]
  int class_id = 0;              // index into the recipe's class names
  std::vector<float> embedding;  // appearance vector of unit length; empty where none was asked for
  bool operator==(const Detection&) const = default;
};

using Detections = std::vector<Detection>;

/// Name of a class, "class 7" for one beyond the list.
inline std::string class_name(std::span<const std::string> names, int class_id) {
  const auto index = static_cast<std::size_t>(class_id);
  return index < names.size() ? names[index] : "class " + std::to_string(class_id);
}

/// The same, with the number behind it ("light (3)") where the model has another class of that name: for tables and keys
/// that must not run classes together.
inline std::string distinct_class_name(std::span<const std::string> names, int class_id) {
  const std::string name = class_name(names, class_id);
  return std::count(names.begin(), names.end(), name) > 1 ? name + " (" + std::to_string(class_id) + ")" : name;
}

}  // namespace goshawk
