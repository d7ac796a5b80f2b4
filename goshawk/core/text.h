// Text for people: suggestions for misspelt words, and tables.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace goshawk {

/// With the letters A to Z made small, whatever the locale; other bytes stay.
std::string to_lower(std::string_view text);

/// Whether it is decimal digits and nothing else, one at least.
bool all_digits(std::string_view text);

/// The candidate nearest to `word` by Damerau-Levenshtein distance, when it is near enough to have been meant.
std::optional<std::string> closest_match(std::string_view word, std::span<const std::string> candidates);

/// "; did you mean 'x'?" or empty text.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

/// A word of a command line in a POSIX shell: in single quotes where it holds more than plain characters.
std::string shell_word(std::string_view text);

/// A field of a CSV file: quoted where the text needs it (RFC 4180).
std::string csv_field(std::string_view text);

/// A figure between 0 and 1 for tables, "0.517"; "-" for one below 0, which stands for what cannot be measured.
std::string figure(double value);

/// How many columns of a terminal `text` takes: two for the wide letters of East Asia, none for combining marks (Unicode's
/// widths as the C library knows them).
std::size_t columns_of(std::string_view text);

/// `text`, if it takes more than `columns` (1 or more) cut so that it ends with "…" within them.
std::string shortened(std::string_view text, std::size_t columns);

/// `text` in lines of at most `columns`, broken at spaces; a longer word is a line of its own. One line at least.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns);

/// A plain table: columns as wide as their content on a terminal, numbers right-aligned, a rule under the header.
class Table {
 public:
  explicit Table(std::vector<std::string> header);
  void add_row(std::vector<std::string> cells);
  /// `width`: of the terminal, in columns. So that lines keep to it, text in the last column is broken into lines (of 16
  /// at least), and then the first column is shortened (to 12 at least).
  std::string str(std::optional<std::size_t> width = std::nullopt) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace goshawk
