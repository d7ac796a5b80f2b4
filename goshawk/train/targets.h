// What there is to learn from an image.
#pragma once

#include <vector>

#include "goshawk/core/geometry.h"

namespace goshawk::train {

/// An object to learn, in pixels of the image it goes with.
struct Target {
  Box box;
  int class_id = 0;
  bool operator==(const Target&) const = default;
};

struct ImageTargets {
  std::vector<Target> objects;
  std::vector<Box> ignored;     // places whose centres count neither way: nothing is learned there unless an object is
  std::vector<int> unlabelled;  // classes that may be in the image without a label: their absence is not learned; ascending
};

/// The same in a picture that is `x` times as wide and `y` times as high.
ImageTargets scaled(ImageTargets targets, float x, float y);

}  // namespace goshawk::train
