// What a reader meets and the data set in memory has no place for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "goshawk/dataset/problems.h"

namespace goshawk::dataset {

/// Counts by kind of field. Not thread-safe; `add` of another one joins what threads counted.
class NotKept {
 public:
  /// `field`: a plural noun, for instance "polylines".
  void add(const std::string& field, std::uint64_t count = 1) {
    const auto it = std::find_if(counts_.begin(), counts_.end(), [&](const auto& entry) { return entry.first == field; });
    if (it != counts_.end()) it->second += count;
    else if (counts_.size() < kMostFields) counts_.emplace_back(field, count);
  }
  void add(const NotKept& other) {
    for (const auto& [field, count] : other.counts_) add(field, count);
  }
  /// "polylines are not kept (3)": one note a field, in the order in which they were first met.
  void list_in(ProblemList& problems, const std::string& file) const {
    for (const auto& [field, count] : counts_) {
      problems.add(ProblemKind::kDropped, Severity::kNote, file, 0, field + " are not kept (" + std::to_string(count) + ")");
    }
  }

 private:
  static constexpr std::size_t kMostFields = 100;
  std::vector<std::pair<std::string, std::uint64_t>> counts_;
};

}  // namespace goshawk::dataset
