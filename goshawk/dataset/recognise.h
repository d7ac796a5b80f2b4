// Which format a file or folder is of.
#pragma once

#include <filesystem>
#include <optional>

#include "goshawk/dataset/formats.h"

namespace goshawk::dataset {

/// By names and the first kilobytes of files; nullopt when it cannot be told, as of an archive (`read_dataset` unpacks it).
/// Throws Error{kNotFound} when nothing is there.
std::optional<Format> recognise_format(const std::filesystem::path& path);

/// Whether a .json file begins as COCO's labels do: with a list of images, annotations or categories.
bool is_coco_file(const std::filesystem::path& path);
/// Whether it is a .json file of LabelMe's, or a folder with one in it. No reader takes them.
bool holds_labelme(const std::filesystem::path& path);

}  // namespace goshawk::dataset
