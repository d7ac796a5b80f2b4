#include "goshawk/track/overlap_matching.h"

namespace goshawk::track {

void overlap_matrix(std::span<const Corners> boxes, std::span<const Corners> others, std::vector<double>& overlaps) {
  overlaps.resize(boxes.size() * others.size());
  double* out = overlaps.data();
  for (const Corners& box : boxes) {
    for (const Corners& other : others) *out++ = overlap<0>(box, other);
  }
}

std::optional<std::span<const int>> OverlapMatcher::match_plainly(std::span<const double> overlaps, int rows, int cols,
                                                                  double threshold) {
  answer_.assign(rows, -1);
  taken_.assign(cols, 0);
  bool any = false;
  for (int row = 0; row < rows; ++row) {
    for (int col = 0; col < cols; ++col) {
      if (overlaps[static_cast<std::size_t>(row) * cols + col] <= threshold) continue;
      if (answer_[row] >= 0 || taken_[col]) return std::nullopt;
      answer_[row] = col;
      taken_[col] = any = true;
    }
  }
  if (!any) return std::nullopt;
  return answer_;
}

std::span<const int> OverlapMatcher::match(std::span<const double> overlaps, std::span<const double> bonus, int rows,
                                           int cols, double threshold) {
  cost_.resize(overlaps.size());
  for (std::size_t i = 0; i < overlaps.size(); ++i) cost_[i] = -(overlaps[i] + (bonus.empty() ? 0.0 : bonus[i]));
  // Without a bonus, pairs that do not touch add nothing to the total, so they need not be looked at.
  const std::span<const int> match = solver_.solve(cost_, rows, cols, bonus.empty() ? 0.0 : AssignmentSolver::kNoLimit);
  answer_.assign(match.begin(), match.end());
  for (int row = 0; row < rows; ++row) {
    if (answer_[row] >= 0 && overlaps[static_cast<std::size_t>(row) * cols + answer_[row]] < threshold) answer_[row] = -1;
  }
  return answer_;
}

}  // namespace goshawk::track
