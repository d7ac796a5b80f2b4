#include "goshawk/core/error.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace goshawk {
namespace {

struct CodeRow {
  std::string_view name;
  int exit_code;
};

constexpr std::array<CodeRow, 8> kCodes{{{"usage", 64},
                                         {"bad_data", 65},
                                         {"not_found", 66},
                                         {"unavailable", 69},
                                         {"internal", 70},
                                         {"io", 74},
                                         {"bad_config", 78},
                                         {"interrupted", 130}}};

const CodeRow& row(ErrorCode code) { return kCodes.at(static_cast<std::size_t>(code)); }

}  // namespace

std::string_view name(ErrorCode code) { return row(code).name; }

int exit_code(ErrorCode code) { return row(code).exit_code; }

Error::Error(ErrorCode code, const std::string& message, std::string where, std::string hint)
    : std::runtime_error(message), code_(code), where_(std::move(where)), hint_(std::move(hint)) {}

std::string Error::describe() const {
  std::string text = what();
  if (!where_.empty()) text += " (" + where_ + ")";
  if (!hint_.empty()) text += "\n  " + hint_;
  return text;
}

void require(bool condition, std::string_view message) {
  if (condition) return;
  std::fprintf(stderr, "goshawk: internal error: %.*s\n", static_cast<int>(message.size()), message.data());
  std::abort();
}

std::string without_secrets(std::string_view url) {
  const auto scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return std::string(url);
  std::string text(url.substr(0, scheme_end + 3));
  std::string_view rest = url.substr(scheme_end + 3);
  auto authority = rest.substr(0, rest.find_first_of("/?#"));
  // What stands before a '@' further on is no path but a password with '/', '?' or '#' in it, where no port precedes it.
  const auto colon = authority.rfind(':');
  const bool has_port = colon == std::string_view::npos || authority.ends_with(']') ||
                        authority.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
  if (!has_port && authority.find('@') == std::string_view::npos) authority = rest;
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    text += "***@";
    rest.remove_prefix(at + 1);
  }
  const auto query = rest.find('?');
  text += rest.substr(0, query);
  if (query != std::string_view::npos) text += "?***";
  return text;
}

}  // namespace goshawk
