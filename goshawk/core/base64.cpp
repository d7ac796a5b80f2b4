#include "goshawk/core/base64.h"

#include <algorithm>
#include <array>

namespace goshawk {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8U | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) text += i + k > bytes.size() ? '=' : kDigits[group >> (18 - 6 * k) & 63U];
  }
  return text;
}

bool from_base64(std::string_view text, std::span<std::uint8_t> bytes) {
  if (text.size() != (bytes.size() + 2) / 3 * 4) return false;
  std::array<int, 256> value{};
  value.fill(-1);
  for (std::size_t i = 0; i < kDigits.size(); ++i) value[static_cast<unsigned char>(kDigits[i])] = static_cast<int>(i);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const int digit = value[static_cast<unsigned char>(text[i + k])];
      const bool padding = text[i + k] == '=' && i / 4 * 3 + k > bytes.size();
      if (digit < 0 && !padding) return false;
      group = group << 6U | static_cast<std::uint32_t>(std::max(0, digit));
    }
    for (std::size_t k = 0; k < 3 && i / 4 * 3 + k < bytes.size(); ++k) {
      bytes[i / 4 * 3 + k] = static_cast<std::uint8_t>(group >> (16 - 8 * k));
    }
  }
  return true;
}

}  // namespace goshawk
