// A source of single images.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "goshawk/media/source.h"

namespace goshawk::media {

/// Reads `paths` in their order. `name` stands for all of them. The first image is read here to learn its size; when it is
/// the only one and damaged, that is an Error{kBadData} here, else at `read`.
std::unique_ptr<Source> open_images(std::string name, std::vector<std::filesystem::path> paths,
                                    const SourceOptions& options);

/// The images of a folder (not of its subfolders), or the files that a glob pattern names, sorted by name.
/// Throws Error{kNotFound} when there is none.
std::vector<std::filesystem::path> images_in_folder(const std::filesystem::path& folder);
std::vector<std::filesystem::path> images_of_glob(const std::string& pattern);

}  // namespace goshawk::media
