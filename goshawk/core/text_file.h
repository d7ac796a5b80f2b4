// Text files that people write: names of classes, data.yaml.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace goshawk {

/// Whole content of a file, without a byte order mark. Throws as `read_file`, and Error{kBadData} with the line for what is
/// no UTF-8 text (UTF-16, Latin-1, NUL bytes): a class would get a name that nobody gave it.
std::string read_utf8_file(const std::filesystem::path& path, std::uint64_t max_bytes);

/// The lines of a text, without the blanks at their ends and the empty lines at its end; they end in LF or CRLF.
std::vector<std::string> lines_in(std::string_view text);

}  // namespace goshawk
