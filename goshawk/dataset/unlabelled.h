// Images that nobody has labelled yet.
#pragma once

#include <filesystem>

#include "goshawk/dataset/dataset.h"

namespace goshawk::dataset {

/// Every image below `folder` (as `images_below` finds them) as a data set without classes and labels. Sizes are those of
/// the files; what has none is listed. Throws as `images_below`.
ReadResult read_unlabelled(const std::filesystem::path& folder, const ReadLimits& limits = {});

}  // namespace goshawk::dataset
