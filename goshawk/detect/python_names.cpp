// Reading the one kind of Python text that models carry: a dict or list of class names.
#include <cctype>
#include <cstdint>

#include "goshawk/core/utf8.h"
#include "goshawk/detect/recognize.h"

namespace goshawk::detect {
namespace {

constexpr std::size_t kMaxNames = 100'000;

class PythonReader {
 public:
  explicit PythonReader(std::string_view text) : text_(text) {}

  std::optional<std::vector<std::string>> names() {
    skip_space();
    const bool dict = take('{');
    if (!dict && !take('[')) return std::nullopt;
    const char end = dict ? '}' : ']';
    std::vector<std::string> names;
    while (!take(end)) {
      if (names.size() >= kMaxNames || (dict && !key(names.size()))) return std::nullopt;
      auto name = string();
      if (!name || name->empty()) return std::nullopt;
      names.push_back(std::move(*name));
      if (take(',')) continue;
      if (!take(end)) return std::nullopt;
      break;
    }
    skip_space();
    if (at_ != text_.size() || names.empty()) return std::nullopt;
    return names;
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }
  bool take(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    skip_space();
    return true;
  }
  /// The number `expected`, bare or quoted, and a colon.
  bool key(std::size_t expected) {
    const bool quoted = at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"');
    const char quote = quoted ? text_[at_++] : '\0';
    std::size_t value = 0, digits = 0;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0 && digits < 7) {
      value = value * 10 + static_cast<std::size_t>(text_[at_++] - '0');
      ++digits;
    }
    return digits > 0 && value == expected && (!quoted || take(quote)) && take(':');
  }
  std::optional<std::string> string() {
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return std::nullopt;
    const char quote = text_[at_++];
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] != '\\') {
        value += text_[at_++];
      } else if (!escape(value)) {
        return std::nullopt;
      }
    }
    return take(quote) ? std::optional(value) : std::nullopt;
  }
  /// The escapes that repr() of a str writes.
  bool escape(std::string& value) {
    if (++at_ >= text_.size()) return false;
    const char c = text_[at_++];
    switch (c) {
      case '\\':
      case '\'':
      case '"':
        value += c;
        return true;
      case 'n':
        value += '\n';
        return true;
      case 't':
        value += '\t';
        return true;
      case 'r':
        value += '\r';
        return true;
      case 'x':
        return code_point(2, value);
      case 'u':
        return code_point(4, value);
      case 'U':
        return code_point(8, value);
      default:
        return false;
    }
  }
  bool code_point(int digits, std::string& value) {
    std::uint32_t code = 0;
    for (int i = 0; i < digits; ++i) {
      if (at_ >= text_.size() || std::isxdigit(static_cast<unsigned char>(text_[at_])) == 0) return false;
      const auto c = static_cast<unsigned char>(text_[at_++]);
      code = code * 16 + static_cast<std::uint32_t>(std::isdigit(c) != 0 ? c - '0' : std::tolower(c) - 'a' + 10);
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
    append_utf8(code, value);
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<std::vector<std::string>> parse_python_names(std::string_view text) { return PythonReader(text).names(); }

}  // namespace goshawk::detect
