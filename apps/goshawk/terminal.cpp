#include "apps/goshawk/terminal.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "goshawk/core/progress.h"

namespace goshawk::cli {

Style style_of(std::FILE* out) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool color = ::isatty(::fileno(out)) != 0 && (no_color == nullptr || *no_color == '\0') &&
                     (term == nullptr || std::string_view(term) != "dumb");
  return {terminal_width(out), color};
}

std::string shown(const Table& table) {
  if (::isatty(STDOUT_FILENO) == 0) return table.str();
  return table.str(static_cast<std::size_t>(terminal_width(stdout)));
}

std::string wrap(const std::string& text, std::size_t width, std::size_t indent) {
  return fmt::format("{}", fmt::join(wrapped(text, width), "\n" + std::string(indent, ' ')));
}

}  // namespace goshawk::cli
