// The part of a check that opens the images.
#pragma once

#include "goshawk/dataset/check.h"

namespace goshawk::dataset {

/// Adds what is wrong with the images' files: missing, unreadable, another size, links out of the data set, duplicates.
void check_images(const Dataset& dataset, const CheckOptions& options, FindingList& list);

}  // namespace goshawk::dataset
