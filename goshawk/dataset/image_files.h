// Which files of a folder or a list are images.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/dataset/dataset.h"
#include "goshawk/dataset/problems.h"

namespace goshawk::dataset {

/// By the extension, in any case: avif bmp dng heic heif jp2 jpeg jpg mpo png tif tiff webp (Ultralytics 8.4's list), gif.
bool has_image_extension(std::string_view name);

/// Every image below `folder` as an absolute path, sorted by bytes. Names that begin with a dot are passed over. Links are
/// followed; a folder is visited once. Throws Error{kBadData} beyond limits.images, {kIo} for a
/// folder that cannot be listed.
std::vector<std::string> images_below(const std::filesystem::path& folder, const ReadLimits& limits);

/// The entries of a list, a path a line, in their order: absolute, or relative with or without "./" to the list's folder
/// (where no such file is: to `root`, then to the current folder). Lines that are no image's path are listed as problems.
/// Throws as read_file does.
std::vector<std::string> images_listed(const std::filesystem::path& list, const std::filesystem::path& root,
                                       const ReadLimits& limits, ProblemList& problems);

/// Names of the plain files of a folder that end so (".txt"), sorted; none when it is not there.
std::vector<std::string> files_with_extension(const std::filesystem::path& folder, std::string_view extension);

}  // namespace goshawk::dataset
