// Text of a data set that must be UTF-8: names of classes, data.yaml.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace goshawk::dataset {

/// Whole content of a file, without a byte order mark. Throws as `read_file`, and Error{kBadData} with the line for what is
/// no UTF-8 text (UTF-16, Latin-1, NUL bytes): a class would get a name that nobody gave it.
std::string read_utf8_file(const std::filesystem::path& path, std::uint64_t max_bytes);

}  // namespace goshawk::dataset
