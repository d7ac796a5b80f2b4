// How text looks on the terminal it goes to.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>

#include "goshawk/core/text.h"

namespace goshawk::cli {

/// Columns and colours of an output.
struct Style {
  int width = 80;      // columns
  bool color = false;  // escape sequences may be written

  std::string bold(const std::string& text) const { return paint("1", text); }
  std::string green(const std::string& text) const { return paint("32", text); }
  std::string red(const std::string& text) const { return paint("31", text); }
  std::string bold_red(const std::string& text) const { return paint("1;31", text); }

 private:
  std::string paint(const char* code, const std::string& text) const {
    return color ? std::string("\x1b[") + code + "m" + text + "\x1b[0m" : text;
  }
};

/// Colour only on a terminal that is not "dumb", and not with NO_COLOR set (no-color.org).
Style style_of(std::FILE* out);

/// A table for stdout: no wider than the terminal, where that is one.
std::string shown(const Table& table);

/// `text` in lines of at most `width` columns, broken at spaces; all but the first begin with `indent` spaces.
std::string wrap(const std::string& text, std::size_t width, std::size_t indent);

}  // namespace goshawk::cli
