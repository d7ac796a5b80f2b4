// A split that is written down: as lists beside the images, or as a data set of its own.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "goshawk/dataset/dataset.h"

namespace goshawk::dataset {

/// Writes train.txt, val.txt and test.txt (paths from the root, "./images/a.jpg", or absolute where a list of the user's
/// own names them so) into the root of a YOLO data set, then its data.yaml, which names them. `config`: the data.yaml to
/// change, whose other keys are kept, with their order and comments where it is written a key a line; one that is not there
/// is made. Each file is atomic, data.yaml comes last; a list that is there already is kept as "train.txt~". Splits without
/// images get no list. Returns the data.yaml. Throws Error{kIo, kBadConfig}, and as `replaced_lists`.
std::filesystem::path write_split_lists(const Dataset& dataset, const std::filesystem::path& config);

/// The lists of `splits` that are there, and that `write_split_lists` would replace. Throws Error{kUsage} for a file of such
/// a name that `config` does not name: it is something else.
std::vector<std::filesystem::path> replaced_lists(const Dataset& dataset, const std::filesystem::path& config,
                                                  std::span<const Split> splits);

}  // namespace goshawk::dataset
