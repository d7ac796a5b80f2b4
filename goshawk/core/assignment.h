// Linear assignment: which row goes with which column so that the sum of costs is least.
#pragma once

#include <limits>
#include <span>
#include <vector>

namespace goshawk {

/// A pair that may be matched, in a problem that lists them row by row.
struct AssignmentEdge {
  int col;
  double cost;
};

/// Solves rectangular assignment problems exactly, by shortest augmenting paths with potentials over the edges that may
/// be used. Keeps its working memory, so that a solver used frame after frame stops allocating. Not thread-safe.
/// Source: Jonker and Volgenant 1987; Crouse 2016 (rectangular form); lap.lapjv 0.5 (`extend_cost`, `cost_limit`).
class AssignmentSolver {
 public:
  static constexpr double kNoLimit = std::numeric_limits<double>::infinity();

  /// `cost`: rows x cols, row-major; not NaN. Returns for each row its column, or -1; valid until the next call.
  /// With a finite `limit`, leaving a pair unmatched costs `limit`: only entries below it are used, and the sum of
  /// (cost - limit) over the matches is least. Without a limit, min(rows, cols) pairs are matched; entries of +infinity are
  /// not allowed then.
  std::span<const int> solve(std::span<const double> cost, int rows, int cols, double limit = kNoLimit);

  /// The same with a finite `limit`, over the pairs that exist: those of row r are edges[row_begin[r]] up to
  /// edges[row_begin[r + 1]], each column at most once; row_begin has rows + 1 entries.
  std::span<const int> solve_sparse(std::span<const AssignmentEdge> edges, std::span<const int> row_begin, int cols,
                                    double limit);

  /// Whether every other answer to the last problem with a limit is worse by more than `tolerance`. May say no where that
  /// is so; never says yes where it is not.
  bool is_unique(double tolerance);

 private:
  using Edge = AssignmentEdge;
  void begin(int rows, int cols);
  void solve_limited(std::span<const double> cost, int rows, int cols, double limit);
  void finish_limited(int rows, int cols);
  void solve_unlimited(std::span<const double> cost, int rows, int cols);
  /// Gives every row its cheapest column where that is free.
  void assign_greedily();
  /// Gives `start` a column, moving others along the cheapest path.
  void augment_from(int start);
  void relax(int row, double length);
  int take_nearest();
  void reset(int col);

  std::vector<int> answer_;           // column of each row of the problem
  std::vector<Edge> edges_;           // of all rows, one after the other
  std::vector<int> edge_begin_;       // first edge of each row
  std::vector<int> row_of_, col_of_;  // the matching so far; -1 where free
  std::vector<double> row_dual_, col_dual_;
  std::vector<double> distance_;  // of columns from the row that looks for a partner
  std::vector<int> predecessor_;
  std::vector<char> is_settled_;
  std::vector<int> open_, settled_;                         // columns: reached, and done
  std::vector<int> exchange_begin_, exchanges_, arrivals_;  // of is_unique
};

}  // namespace goshawk
