// Association by overlap as SORT and OC-SORT do it.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "goshawk/core/assignment.h"
#include "goshawk/track/observation.h"

namespace goshawk::track {

/// Fills `overlaps` (boxes x others, row-major) with intersections over union.
void overlap_matrix(std::span<const Corners> boxes, std::span<const Corners> others, std::vector<double>& overlaps);

/// Matches rows with columns so that the total of overlap plus `bonus` (same shape; may be empty) is greatest, then drops
/// pairs that overlap by less than `threshold`. Not thread-safe; keeps its memory.
class OverlapMatcher {
 public:
  /// For each row its column or -1; valid until the next call.
  std::span<const int> match(std::span<const double> overlaps, std::span<const double> bonus, int rows, int cols,
                             double threshold);
  /// The pairs above `threshold` where each row and each column has at most one, and there is one at all: SORT takes these
  /// without looking at the total. Nothing otherwise.
  std::optional<std::span<const int>> match_plainly(std::span<const double> overlaps, int rows, int cols, double threshold);

 private:
  AssignmentSolver solver_;
  std::vector<double> cost_;
  std::vector<int> answer_;
  std::vector<char> taken_;
};

}  // namespace goshawk::track
