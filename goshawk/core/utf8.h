// Text that may be no UTF-8: names in ONNX files and of files are any bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace goshawk {

/// Bytes of the UTF-8 sequence at the front of `text` (not empty); 0 where there is none.
std::size_t utf8_length(std::string_view text);

/// Offset of the first byte that is not UTF-8; npos: all of it is.
std::size_t find_broken_utf8(std::string_view text);

/// Takes the first code point off `text` (not empty); U+FFFD, and a byte off, where there is none.
std::uint32_t next_code_point(std::string_view& text);

/// Adds a code point (U+10FFFF at most).
void append_utf8(std::uint32_t code, std::string& text);

/// `text` with U+FFFD for each byte that belongs to no UTF-8 sequence.
std::string valid_utf8(std::string_view text);

}  // namespace goshawk
