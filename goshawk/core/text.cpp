#include "goshawk/core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <clocale>
#include <cwchar>
#include <numeric>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/utf8.h"

namespace goshawk {
namespace {

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) now[j] = std::min(now[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, now);
  }
  return last[b.size()];
}

constexpr std::size_t kLeastNameColumns = 12;
constexpr std::size_t kLeastTextColumns = 16;

/// Columns of one code point. wcwidth() asks the locale of the thread, which a library does not choose.
std::size_t columns_of(std::uint32_t code) {
  if (code < 0x7F) return 1;
  static const locale_t unicode = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (unicode == nullptr) return 1;
  const locale_t before = ::uselocale(unicode);
  const int columns = ::wcwidth(static_cast<wchar_t>(code));
  ::uselocale(before);
  return columns < 0 ? 1 : static_cast<std::size_t>(columns);
}

bool is_number(std::string_view text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text[text[0] == '-' && text.size() > 1 ? 1 : 0])) != 0 &&
         text.find('/') == std::string_view::npos;
}

}  // namespace

std::string to_lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::string> closest_match(std::string_view word, std::span<const std::string> candidates) {
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const auto& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  const auto match = closest_match(word, candidates);
  return match ? "; did you mean '" + *match + "'?" : std::string();
}

std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:,=%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) return std::string(text);
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string figure(double value) { return value < 0 ? "-" : fmt::format("{:.3f}", value); }

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) columns += columns_of(next_code_point(text));
  return columns;
}

std::string shortened(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns) return std::string(text);
  std::size_t taken = 1;  // of "…"
  std::string_view rest = text;
  while (true) {
    std::string_view after = rest;
    taken += columns_of(next_code_point(after));
    if (taken > columns) return std::string(text.substr(0, text.size() - rest.size())) + "…";
    rest = after;
  }
}

std::vector<std::string> wrapped(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines(1);
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    if (!lines.back().empty() && columns_of(lines.back()) + 1 + columns_of(word) > columns) lines.emplace_back();
    if (!lines.back().empty()) lines.back() += " ";
    lines.back() += word;
    begin = end + 1;
  }
  return lines;
}

Table::Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }

void Table::add_row(std::vector<std::string> cells) {
  require(cells.size() == rows_.front().size(), "Table: a row has as many cells as the header");
  rows_.push_back(std::move(cells));
}

std::string Table::str(std::optional<std::size_t> width) const {
  const std::size_t columns = rows_.front().size();
  std::vector<std::size_t> widths(columns, 0);
  std::vector<bool> numeric(columns, rows_.size() > 1);
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      widths[c] = std::max(widths[c], columns_of(rows_[r][c]));
      if (r > 0 && !rows_[r][c].empty() && !is_number(rows_[r][c])) numeric[c] = false;
    }
  }
  const auto narrow = [&](std::size_t column, std::size_t least) {
    const std::size_t all = std::accumulate(widths.begin(), widths.end(), 2 * (columns - 1));
    if (!width || all <= *width) return;
    const std::size_t others = all - widths[column];
    widths[column] = std::min(widths[column], std::max(least, *width > others ? *width - others : 0));
  };
  if (columns > 1 && !numeric.back()) narrow(columns - 1, kLeastTextColumns);
  narrow(0, kLeastNameColumns);

  std::string text;
  const auto add_line = [&](const auto& cell_of) {
    std::string line;
    for (std::size_t c = 0; c < columns; ++c) {
      const std::string cell = cell_of(c);
      const std::string padding(widths[c] - std::min(widths[c], columns_of(cell)), ' ');
      if (c > 0) line += "  ";
      line += numeric[c] ? padding + cell : cell + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    const auto last = wrapped(rows_[r].back(), widths.back());
    for (std::size_t i = 0; i < last.size(); ++i) {
      add_line([&](std::size_t c) {
        if (columns > 1 && c == columns - 1) return last[i];
        return i == 0 ? shortened(rows_[r][c], widths[c]) : std::string();
      });
      if (columns == 1) break;
    }
    if (r > 0) continue;
    for (std::size_t c = 0; c < columns; ++c) {
      if (c > 0) text += "  ";
      for (std::size_t i = 0; i < widths[c]; ++i) text += "─";
    }
    text += "\n";
  }
  return text;
}

}  // namespace goshawk
