// One-to-one matching of the boxes of a frame with the greatest sum of scores.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "goshawk/core/assignment.h"

namespace goshawk::evaluate {

/// Solves a dense assignment problem in the order of scipy.optimize.linear_sum_assignment (1.17), so that among answers that
/// are equally good the same one comes out. Not thread-safe.
/// Source: Crouse, "On implementing 2D rectangular assignment algorithms", 2016.
class OrderedAssignment {
 public:
  /// `cost`: rows x cols, row-major, finite. Returns for each row its column, or -1; valid until the next call.
  std::span<const int> solve(std::span<const double> cost, int rows, int cols);

 private:
  int find_path(std::span<const double> cost, int row, double& length);

  int cols_ = 0;
  std::vector<double> transposed_, row_dual_, col_dual_, distance_;
  std::vector<int> row_of_, col_of_, path_, remaining_, answer_;
  std::vector<char> row_seen_, col_seen_;
};

/// A pair that may be matched.
struct Candidate {
  int row, col;
  double score;  // greater than 0
};

/// Finds the matching that TrackEval finds: by a sparse solver where there is just one best answer, else as scipy solves the
/// whole matrix. Keeps its working memory. Not thread-safe.
class FrameMatcher {
 public:
  /// `candidates` by row, then by column. Returns for each row the number of its candidate, or -1; valid until the next
  /// call.
  std::span<const int> match(std::span<const Candidate> candidates, int rows, int cols);

 private:
  void match_conflicts(std::span<const Candidate> candidates, int rows, int cols);
  void match_in_order(std::span<const Candidate> candidates, int rows, int cols);

  AssignmentSolver solver_;
  OrderedAssignment ordered_;
  std::vector<int> answer_, row_degree_, col_degree_;
  std::vector<AssignmentEdge> edges_;
  std::vector<int> edge_begin_, edge_rows_;
  std::vector<double> cost_;
};

}  // namespace goshawk::evaluate
