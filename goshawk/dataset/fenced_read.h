// Reading data sets that may come from anywhere, without what their symbolic links lead to elsewhere.
#pragma once

#include <filesystem>
#include <optional>

#include "goshawk/dataset/formats.h"

namespace goshawk::dataset {

/// As `read_dataset`, for sets whose files are handed on: what a symbolic link leads out of the data set to is left out and
/// listed as ProblemKind::kUnsafePath: images with their objects (of a folder that is such a link, once for all), and
/// labels. So is a link from one kind of file to another ("a.jpg" to "id_rsa"). Links of the root itself are followed, and
/// of the folder of an image that a list of the user's own names by an absolute path. Nothing that was read elsewhere stays
/// in the result or in its problems. Throws as `read_dataset`, and Error{kBadData} where the list of classes, or another
/// file that the whole set rests on, is such a link.
ReadResult read_fenced_dataset(const std::filesystem::path& path, std::optional<Format> format = {},
                               const ReadLimits& limits = {});

/// Takes the same out of what was read already. For sets whose classes are in no file of their own.
void take_out_links(ReadResult& result, const ReadLimits& limits = {});

}  // namespace goshawk::dataset
