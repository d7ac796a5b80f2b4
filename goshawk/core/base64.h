// Bytes as text (RFC 4648, section 4).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace goshawk {

/// With padding, in one line.
std::string to_base64(std::string_view bytes);

/// Fills `bytes` exactly; false when the text has another length or other characters, in which case `bytes` is unspecified.
bool from_base64(std::string_view text, std::span<std::uint8_t> bytes);

}  // namespace goshawk
