// A source of single images.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "goshawk/media/source.h"

namespace goshawk::media {

/// Reads `paths` in their order. `name` stands for all of them. Images are read here up to the first that can be, to learn
/// its size (0 x 0 where none can). The only image damaged is an Error{kBadData} here, each of several at `read`.
std::unique_ptr<Source> open_images(std::string name, std::vector<std::filesystem::path> paths, const SourceOptions& options,
                                    const std::stop_token& stop = {});

/// The images of a folder (not of its subfolders), or the files that a glob pattern names, sorted by name.
/// Throws Error{kNotFound} when there is none.
std::vector<std::filesystem::path> images_in_folder(const std::filesystem::path& folder);
std::vector<std::filesystem::path> images_of_glob(const std::string& pattern);

}  // namespace goshawk::media
