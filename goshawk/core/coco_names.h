// The 80 class names of COCO, which most detectors are trained on.
#pragma once

#include <string>
#include <vector>

namespace goshawk {

/// In the order of their numbers 0 to 79 as detectors have them. Source: COCO 2017 (instances).
const std::vector<std::string>& coco_names();

}  // namespace goshawk
