#include "goshawk/dataset/safe_path.h"

#include <algorithm>

namespace goshawk::dataset {
namespace {

bool is_separator(char c) { return c == '/' || c == '\\'; }

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

bool has_drive_letter(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return text.size() >= 2 && text[1] == ':' && is_letter(text[0]);
}

}  // namespace

std::optional<std::string> safe_relative_path(std::string_view text) {
  constexpr std::size_t kLongestPath = 4095, kLongestName = 255;
  if (text.empty() || text.size() > kLongestPath || is_separator(text[0]) || has_drive_letter(text)) return std::nullopt;
  if (std::any_of(text.begin(), text.end(), is_control)) return std::nullopt;
  std::string path;
  while (!text.empty()) {
    const auto end = static_cast<std::size_t>(std::find_if(text.begin(), text.end(), is_separator) - text.begin());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    if (part.empty() || part == ".") continue;
    if (part == ".." || part.size() > kLongestName) return std::nullopt;
    if (!path.empty()) path += '/';
    path += part;
  }
  if (path.empty()) return std::nullopt;
  return path;
}

bool is_within(const std::filesystem::path& path, const std::filesystem::path& root) {
  return std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first == root.end();
}

std::string_view file_name_of(std::string_view path) {
  const auto begin = std::find_if(path.rbegin(), path.rend(), is_separator).base();
  const std::string_view name = path.substr(static_cast<std::size_t>(begin - path.begin()));
  return name == "." || name == ".." ? std::string_view() : name;
}

std::string_view without_extension(std::string_view path) {
  const std::size_t name = path.find_last_of('/') + 1;  // npos + 1 == 0
  const std::size_t dot = path.find_last_of('.');
  return dot == std::string_view::npos || dot <= name ? path : path.substr(0, dot);
}

}  // namespace goshawk::dataset
