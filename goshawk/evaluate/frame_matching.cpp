#include "goshawk/evaluate/frame_matching.h"

#include <algorithm>
#include <limits>

namespace goshawk::evaluate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Sums that differ by less may be put in another order by rounding.
constexpr double kTie = 1e-9;
// Entries of a matrix that is still solved as a whole where its best answer is not the only one.
constexpr std::size_t kLargestMatrix = 25'000'000;

}  // namespace

std::span<const int> OrderedAssignment::solve(std::span<const double> cost, int rows, int cols) {
  answer_.assign(rows, -1);
  if (rows == 0 || cols == 0) return answer_;
  const bool turned = cols < rows;  // every row is served
  if (turned) {
    transposed_.resize(cost.size());
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < cols; ++j) {
        transposed_[static_cast<std::size_t>(j) * rows + i] = cost[static_cast<std::size_t>(i) * cols + j];
      }
    }
    cost = transposed_;
  }
  const int served = std::min(rows, cols);
  cols_ = std::max(rows, cols);
  row_dual_.assign(served, 0);
  col_dual_.assign(cols_, 0);
  col_of_.assign(served, -1);
  row_of_.assign(cols_, -1);
  path_.assign(cols_, -1);
  for (int row = 0; row < served; ++row) {
    double length = 0;
    int col = find_path(cost, row, length);
    row_dual_[row] += length;
    for (int other = 0; other < served; ++other) {
      if (row_seen_[other] && other != row) row_dual_[other] += length - distance_[col_of_[other]];
    }
    for (int j = 0; j < cols_; ++j) {
      if (col_seen_[j]) col_dual_[j] -= length - distance_[j];
    }
    for (int partner = -1; partner != row;) {
      partner = path_[col];
      row_of_[col] = partner;
      std::swap(col, col_of_[partner]);
    }
  }
  for (int row = 0; row < served; ++row) {
    if (turned) {
      answer_[col_of_[row]] = row;
    } else {
      answer_[row] = col_of_[row];
    }
  }
  return answer_;
}

// The order in which columns are looked at (from the last one, holes filled by the last that is left) decides between equal
// distances, together with the preference for a free column.
int OrderedAssignment::find_path(std::span<const double> cost, int row, double& length) {
  distance_.assign(cols_, kInfinity);
  row_seen_.assign(col_of_.size(), 0);
  col_seen_.assign(cols_, 0);
  remaining_.resize(cols_);
  for (int k = 0; k < cols_; ++k) remaining_[k] = cols_ - 1 - k;
  length = 0;
  for (;;) {
    row_seen_[row] = 1;
    const double* const line = cost.data() + static_cast<std::size_t>(row) * cols_;
    std::size_t nearest = 0;
    double least = kInfinity;
    for (std::size_t k = 0; k < remaining_.size(); ++k) {
      const int col = remaining_[k];
      const double candidate = length + line[col] - row_dual_[row] - col_dual_[col];
      if (candidate < distance_[col]) {
        distance_[col] = candidate;
        path_[col] = row;
      }
      if (distance_[col] < least || (distance_[col] == least && row_of_[col] < 0)) {
        least = distance_[col];
        nearest = k;
      }
    }
    length = least;
    const int col = remaining_[nearest];
    col_seen_[col] = 1;
    remaining_[nearest] = remaining_.back();
    remaining_.pop_back();
    if (row_of_[col] < 0) return col;
    row = row_of_[col];
  }
}

std::span<const int> FrameMatcher::match(std::span<const Candidate> candidates, int rows, int cols) {
  answer_.assign(rows, -1);
  row_degree_.assign(rows, 0);
  col_degree_.assign(cols, 0);
  for (const auto& candidate : candidates) {
    ++row_degree_[candidate.row];
    ++col_degree_[candidate.col];
  }
  edges_.clear();
  edge_begin_.assign(1, 0);
  edge_rows_.clear();
  bool conflicts = false;
  for (std::size_t k = 0; k < candidates.size(); ++k) {
    const auto& [row, col, score] = candidates[k];
    if (row_degree_[row] == 1 && col_degree_[col] == 1) {  // nobody else wants either
      answer_[row] = static_cast<int>(k);
    } else {
      conflicts = true;
    }
  }
  if (conflicts) match_conflicts(candidates, rows, cols);
  return answer_;
}

void FrameMatcher::match_conflicts(std::span<const Candidate> candidates, int rows, int cols) {
  for (std::size_t k = 0; k < candidates.size();) {
    const int row = candidates[k].row;
    const std::size_t end = k + row_degree_[row];
    if (answer_[row] < 0) {
      for (; k < end; ++k) edges_.push_back({candidates[k].col, -candidates[k].score});
      edge_begin_.push_back(static_cast<int>(edges_.size()));
      edge_rows_.push_back(static_cast<int>(end) - row_degree_[row]);
    }
    k = end;
  }
  const auto columns = solver_.solve_sparse(edges_, edge_begin_, cols, 0);
  if (!solver_.is_unique(kTie) && static_cast<std::size_t>(rows) * cols <= kLargestMatrix) {
    match_in_order(candidates, rows, cols);
    return;
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i] < 0) continue;
    int k = edge_rows_[i];
    while (candidates[k].col != columns[i]) ++k;
    answer_[candidates[k].row] = k;
  }
}

void FrameMatcher::match_in_order(std::span<const Candidate> candidates, int rows, int cols) {
  cost_.assign(static_cast<std::size_t>(rows) * cols, 0);
  for (const auto& [row, col, score] : candidates) cost_[static_cast<std::size_t>(row) * cols + col] = -score;
  const auto columns = ordered_.solve(cost_, rows, cols);
  std::ranges::fill(answer_, -1);
  for (std::size_t k = 0; k < candidates.size(); ++k) {
    if (columns[candidates[k].row] == candidates[k].col) answer_[candidates[k].row] = static_cast<int>(k);
  }
}

}  // namespace goshawk::evaluate
