// A split that is written down: as lists beside the images, or as a data set of its own.
#pragma once

#include <filesystem>

#include "goshawk/dataset/dataset.h"

namespace goshawk::dataset {

/// Writes train.txt, val.txt and test.txt (paths from the root, "./images/a.jpg", or absolute where a list of the user's
/// own names them so) into the root of a YOLO data set, then its data.yaml, which names them. `config`: the data.yaml to
/// change, whose other keys are kept, with their order and comments where it is written a key a line; one that is not there
/// is made. Each file is atomic, data.yaml comes last. Splits without images get no list. Returns the data.yaml. Throws
/// Error{kIo, kBadConfig}.
std::filesystem::path write_split_lists(const Dataset& dataset, const std::filesystem::path& config);

}  // namespace goshawk::dataset
