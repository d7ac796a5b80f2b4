#include "apps/goshawk/terminal.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "goshawk/core/progress.h"
#include "goshawk/core/text.h"

namespace goshawk::cli {

Style style_of(std::FILE* out) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool color = ::isatty(::fileno(out)) != 0 && (no_color == nullptr || *no_color == '\0') &&
                     (term == nullptr || std::string_view(term) != "dumb");
  return {terminal_width(out), color};
}

std::optional<std::size_t> table_width() {
  if (::isatty(STDOUT_FILENO) == 0) return std::nullopt;
  return static_cast<std::size_t>(terminal_width(stdout));
}

std::string wrap(const std::string& text, std::size_t width, std::size_t indent) {
  std::string result, line;
  std::size_t begin = 0;
  while (begin < text.size()) {
    auto end = text.find(' ', begin);
    if (end == std::string::npos) end = text.size();
    const std::string word = text.substr(begin, end - begin);
    if (!line.empty() && columns_of(line) + 1 + columns_of(word) > width) {
      result += line + "\n" + std::string(indent, ' ');
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
    begin = end + 1;
  }
  return result + line;
}

}  // namespace goshawk::cli
