#include "goshawk/dataset/problems.h"

#include <iterator>
#include <utility>

namespace goshawk::dataset {
namespace {

/// Valid UTF-8 of at most `limit` bytes ("..." behind what is longer), without control characters.
std::string printable(std::string_view text, std::size_t limit) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    if (out.size() + std::max<std::size_t>(length, 1) > limit) return out + "...";
    const auto first = static_cast<unsigned char>(text[0]);
    if (length == 0 || first < 0x20 || first == 0x7F) out += '?';
    else out += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace

std::size_t utf8_sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 && first < 0xF5   ? 4
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xC2 && first < 0xE0 ? 2
                                                             : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  if (first == 0xE0 && byte(1) < 0xA0) return 0;   // overlong
  if (first == 0xED && byte(1) >= 0xA0) return 0;  // surrogate
  if (first == 0xF0 && byte(1) < 0x90) return 0;   // overlong
  if (first == 0xF4 && byte(1) >= 0x90) return 0;  // beyond U+10FFFF
  return length;
}

std::size_t find_broken_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_sequence_length(text.substr(i));
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

Problem make_problem(ProblemKind kind, Severity severity, const std::string& file, std::int64_t line,
                     const std::string& message) {
  return {kind, severity, printable(file, 4096), line, printable(message, 1000)};
}

void ProblemList::add(ProblemKind kind, Severity severity, const std::string& file, std::int64_t line,
                      const std::string& message) {
  if (problems_.size() >= limit_) {
    ++left_out_;
    return;
  }
  problems_.push_back(make_problem(kind, severity, file, line, message));
}

void ProblemList::append(ProblemList&& other) {
  left_out_ += other.left_out_;
  for (auto& problem : other.problems_) {
    if (problems_.size() < limit_) problems_.push_back(std::move(problem));
    else ++left_out_;
  }
  other.problems_.clear();
  other.left_out_ = 0;
}

void ProblemList::move_to(ReadResult& result) {
  for (auto& problem : problems_) {
    if (result.problems.size() < limit_) result.problems.push_back(std::move(problem));
    else ++left_out_;
  }
  result.problems_left_out += left_out_;
  problems_.clear();
  left_out_ = 0;
}

std::string quoted(std::string_view text) { return "'" + printable(text, 60) + "'"; }

}  // namespace goshawk::dataset
