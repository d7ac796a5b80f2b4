// How readers collect what is wrong with a data set.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/dataset/dataset.h"

namespace goshawk::dataset {

/// A problem whose texts, which may come from files of unknown origin, are shortened and made fit for a terminal (control
/// characters, broken UTF-8).
Problem make_problem(ProblemKind kind, Severity severity, const std::string& file, std::int64_t line,
                     const std::string& message);

/// Problems in the order in which they were found; those beyond the limit are only counted. Not thread-safe: a thread fills
/// its own list, and `append` joins them.
class ProblemList {
 public:
  /// `limit`: ReadLimits::problems.
  explicit ProblemList(std::uint64_t limit) : limit_(limit) {}

  /// As `make_problem`.
  void add(ProblemKind kind, Severity severity, const std::string& file, std::int64_t line, const std::string& message);
  void append(ProblemList&& other);
  /// Into the result, which keeps what it has; this list is empty then.
  void move_to(ReadResult& result);

  bool empty() const { return problems_.empty() && left_out_ == 0; }

 private:
  std::uint64_t limit_;
  std::vector<Problem> problems_;
  std::uint64_t left_out_ = 0;
};

/// A text from a file of unknown origin for a message: in quotes, at most 60 bytes, valid UTF-8, without control characters.
std::string quoted(std::string_view text);

}  // namespace goshawk::dataset
