// Which format a file or folder is of.
#pragma once

#include <filesystem>
#include <optional>

#include "goshawk/dataset/formats.h"

namespace goshawk::dataset {

/// By names and the first kilobytes of files; nullopt when it cannot be told. Throws Error{kNotFound} when nothing is there.
std::optional<Format> recognise_format(const std::filesystem::path& path);

}  // namespace goshawk::dataset
