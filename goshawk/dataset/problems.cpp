#include "goshawk/dataset/problems.h"

#include <iterator>
#include <utility>

#include "goshawk/core/utf8.h"

namespace goshawk::dataset {
namespace {

/// Valid UTF-8 of at most `limit` bytes ("..." behind what is longer), without control characters.
std::string printable(std::string_view text, std::size_t limit) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (out.size() + std::max<std::size_t>(length, 1) > limit) return out + "...";
    const auto first = static_cast<unsigned char>(text[0]);
    if (length == 0 || first < 0x20 || first == 0x7F) out += '?';
    else out += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace

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
