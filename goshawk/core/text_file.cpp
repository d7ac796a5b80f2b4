#include "goshawk/core/text_file.h"

#include <algorithm>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/utf8.h"

namespace goshawk {

std::string read_utf8_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  std::string text = read_file(path, max_bytes);
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  const std::size_t broken = std::min(find_broken_utf8(text), text.find('\0'));
  if (broken == std::string::npos) return text;
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(broken), '\n');
  throw Error(ErrorCode::kBadData, "the text is not UTF-8", path.string() + ":" + std::to_string(line),
              "Save the file as UTF-8.");
}

std::vector<std::string> lines_in(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    lines.emplace_back(line);
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

}  // namespace goshawk
