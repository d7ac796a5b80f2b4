#include "goshawk/core/assignment.h"

#include <algorithm>

#include "goshawk/core/error.h"

namespace goshawk {

namespace {
constexpr double kInfinity = std::numeric_limits<double>::infinity();
}

std::span<const int> AssignmentSolver::solve(std::span<const double> cost, int rows, int cols, double limit) {
  require(rows >= 0 && cols >= 0 && cost.size() == static_cast<std::size_t>(rows) * cols,
          "AssignmentSolver: the cost matrix does not have the stated shape");
  answer_.assign(rows, -1);
  if (rows == 0 || cols == 0) {
    begin(0, 0);
    return answer_;
  }
  if (limit == kNoLimit) {
    solve_unlimited(cost, rows, cols);
  } else {
    solve_limited(cost, rows, cols, limit);
  }
  return answer_;
}

void AssignmentSolver::begin(int rows, int cols) {
  edges_.clear();
  edge_begin_.assign(1, 0);
  col_of_.assign(rows, -1);
  row_of_.assign(cols, -1);
  row_dual_.assign(rows, 0.0);
  col_dual_.assign(cols, 0.0);
  distance_.assign(cols, kInfinity);
  predecessor_.assign(cols, -1);
  is_settled_.assign(cols, 0);
}

// A column of its own for each row, at the price of the limit, stands for "unmatched": every row can then be served.
void AssignmentSolver::solve_limited(std::span<const double> cost, int rows, int cols, double limit) {
  begin(rows, cols + rows);
  for (int row = 0; row < rows; ++row) {
    const double* const line = cost.data() + static_cast<std::size_t>(row) * cols;
    for (int col = 0; col < cols; ++col) {
      if (line[col] < limit) edges_.push_back({col, line[col]});
    }
    edges_.push_back({cols + row, limit});
    edge_begin_.push_back(static_cast<int>(edges_.size()));
  }
  finish_limited(rows, cols);
}

void AssignmentSolver::finish_limited(int rows, int cols) {
  assign_greedily();
  for (int row = 0; row < rows; ++row) {
    if (col_of_[row] < 0) augment_from(row);
  }
  for (int row = 0; row < rows; ++row) answer_[row] = col_of_[row] < cols ? col_of_[row] : -1;
}

std::span<const int> AssignmentSolver::solve_sparse(std::span<const AssignmentEdge> edges, std::span<const int> row_begin,
                                                    int cols, double limit) {
  require(!row_begin.empty() && cols >= 0, "AssignmentSolver: row_begin has rows + 1 entries");
  const int rows = static_cast<int>(row_begin.size()) - 1;
  answer_.assign(rows, -1);
  begin(rows, cols + rows);
  for (int row = 0; row < rows; ++row) {
    for (int e = row_begin[row]; e < row_begin[row + 1]; ++e) {
      if (edges[e].cost < limit) edges_.push_back(edges[e]);
    }
    edges_.push_back({cols + row, limit});
    edge_begin_.push_back(static_cast<int>(edges_.size()));
  }
  finish_limited(rows, cols);
  return answer_;
}

// Two answers differ by exchanges: a row takes another column, whose row takes another one, and so on, round in a circle or
// from a column that nobody wants to a free one. Edges of an answer that is as good (but for the tolerance) have no reduced
// cost, and columns without partner no potential. So: a graph of rows, and of one node for all columns that are or may
// be free; the answer is unique when nothing in it goes round in a circle (Kahn's removal of what nothing leads to).
bool AssignmentSolver::is_unique(double tolerance) {
  const int rows = static_cast<int>(col_of_.size()), outside = rows;
  exchange_begin_.assign(1, 0);
  exchanges_.clear();
  arrivals_.assign(rows + 1, 0);
  const auto lead_to = [&](int node) {
    exchanges_.push_back(node);
    ++arrivals_[node];
  };
  for (int row = 0; row < rows; ++row) {
    for (int e = edge_begin_[row]; e < edge_begin_[row + 1]; ++e) {
      const auto& [col, cost] = edges_[e];
      if (col == col_of_[row] || cost - row_dual_[row] - col_dual_[col] > tolerance) continue;
      lead_to(row_of_[col] < 0 ? outside : row_of_[col]);
    }
    exchange_begin_.push_back(static_cast<int>(exchanges_.size()));
  }
  for (int row = 0; row < rows; ++row) {
    if (col_dual_[col_of_[row]] >= -tolerance) lead_to(row);  // its column may become free
  }
  exchange_begin_.push_back(static_cast<int>(exchanges_.size()));
  open_.clear();
  for (int node = 0; node <= rows; ++node) {
    if (arrivals_[node] == 0) open_.push_back(node);
  }
  int removed = 0;
  while (!open_.empty()) {
    const int node = open_.back();
    open_.pop_back();
    ++removed;
    for (int k = exchange_begin_[node]; k < exchange_begin_[node + 1]; ++k) {
      if (--arrivals_[exchanges_[k]] == 0) open_.push_back(exchanges_[k]);
    }
  }
  return removed == rows + 1;
}

void AssignmentSolver::solve_unlimited(std::span<const double> cost, int rows, int cols) {
  const bool transposed = rows > cols;  // every row needs a partner, so the short side is served
  const int n = std::min(rows, cols), m = std::max(rows, cols);
  begin(n, m);
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < m; ++j) {
      const std::size_t at = transposed ? static_cast<std::size_t>(j) * cols + i : static_cast<std::size_t>(i) * cols + j;
      edges_.push_back({j, cost[at]});
    }
    edge_begin_.push_back(static_cast<int>(edges_.size()));
  }
  assign_greedily();
  for (int i = 0; i < n; ++i) {
    if (col_of_[i] < 0) augment_from(i);
  }
  for (int i = 0; i < n; ++i) {
    if (transposed) {
      answer_[col_of_[i]] = i;
    } else {
      answer_[i] = col_of_[i];
    }
  }
}

void AssignmentSolver::assign_greedily() {
  for (int row = 0; row < static_cast<int>(col_of_.size()); ++row) {
    const Edge* best = &edges_[edge_begin_[row]];
    for (const Edge* edge = best; edge != edges_.data() + edge_begin_[row + 1]; ++edge) {
      if (edge->cost < best->cost) best = edge;
    }
    row_dual_[row] = best->cost;
    if (row_of_[best->col] >= 0) continue;
    row_of_[best->col] = row;
    col_of_[row] = best->col;
  }
}

// Dijkstra over reduced costs, which the potentials keep from being negative.
void AssignmentSolver::augment_from(int start) {
  open_.clear();
  settled_.clear();
  int row = start, sink = -1;
  double length = 0;
  while (sink < 0) {
    relax(row, length);
    require(!open_.empty(), "AssignmentSolver: a row has no column left");
    const int col = take_nearest();
    length = distance_[col];
    if (row_of_[col] < 0) {
      sink = col;
    } else {
      row = row_of_[col];
    }
  }
  row_dual_[start] += length;
  for (const int col : settled_) {
    if (row_of_[col] >= 0) row_dual_[row_of_[col]] += length - distance_[col];
    col_dual_[col] -= length - distance_[col];
  }
  for (const int col : settled_) reset(col);
  for (const int col : open_) reset(col);
  for (int col = sink; col >= 0;) {  // swap the matched and the free edges of the path
    const int partner = predecessor_[col];
    row_of_[col] = partner;
    std::swap(col, col_of_[partner]);
  }
}

void AssignmentSolver::relax(int row, double length) {
  for (int e = edge_begin_[row]; e < edge_begin_[row + 1]; ++e) {
    const Edge& edge = edges_[e];
    if (is_settled_[edge.col]) continue;
    const double candidate = length + edge.cost - row_dual_[row] - col_dual_[edge.col];
    if (candidate >= distance_[edge.col]) continue;
    if (distance_[edge.col] == kInfinity) open_.push_back(edge.col);
    distance_[edge.col] = candidate;
    predecessor_[edge.col] = row;
  }
}

int AssignmentSolver::take_nearest() {
  std::size_t nearest = 0;
  for (std::size_t k = 1; k < open_.size(); ++k) {
    const double here = distance_[open_[k]], best = distance_[open_[nearest]];
    if (here < best || (here == best && row_of_[open_[k]] < 0)) nearest = k;
  }
  const int col = open_[nearest];
  open_[nearest] = open_.back();
  open_.pop_back();
  settled_.push_back(col);
  is_settled_[col] = 1;
  return col;
}

void AssignmentSolver::reset(int col) {
  distance_[col] = kInfinity;
  is_settled_[col] = 0;
}

}  // namespace goshawk
