#include "goshawk/core/assignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace goshawk {
namespace {

/// The least sum by trying everything: each row takes a free column or, where `unmatched` is finite, pays that.
double brute_force(const std::vector<double>& cost, int rows, int cols, double unmatched, int row = 0, unsigned taken = 0) {
  if (row == rows) return 0;
  double best = unmatched + (std::isfinite(unmatched) ? brute_force(cost, rows, cols, unmatched, row + 1, taken) : 0);
  for (int col = 0; col < cols; ++col) {
    const double here = cost[row * cols + col];
    if (taken >> col & 1U || !(here < unmatched)) continue;
    best = std::min(best, here + brute_force(cost, rows, cols, unmatched, row + 1, taken | 1U << col));
  }
  return best;
}

struct Answer {
  double sum = 0;
  int matched = 0;
};

/// Checks that no column is used twice.
Answer add_up(std::span<const int> columns, const std::vector<double>& cost, int cols, double unmatched) {
  Answer answer;
  std::vector<char> used(cols, 0);
  for (std::size_t row = 0; row < columns.size(); ++row) {
    const int col = columns[row];
    if (col < 0) {
      if (std::isfinite(unmatched)) answer.sum += unmatched;
      continue;
    }
    EXPECT_LT(col, cols);
    EXPECT_FALSE(used[col]) << "column " << col << " twice";
    used[col] = 1;
    answer.sum += cost[row * cols + col];
    ++answer.matched;
  }
  return answer;
}

std::vector<double> random_costs(std::mt19937& random, int size, bool with_ties) {
  std::uniform_real_distribution<double> unit(-1, 1);
  std::vector<double> cost(size);
  for (double& value : cost) value = with_ties ? std::round(unit(random) * 3) / 3 : unit(random);
  return cost;
}

TEST(Assignment, FindsTheLeastSumWithALimit) {
  std::mt19937 random(1);
  AssignmentSolver solver;  // one solver for all shapes: nothing may be left over from the problem before
  for (int round = 0; round < 4000; ++round) {
    const int rows = static_cast<int>(random() % 7), cols = static_cast<int>(random() % 7);
    const auto cost = random_costs(random, rows * cols, round % 2);
    const double limit = std::uniform_real_distribution<double>(-0.8, 1.2)(random);
    const auto columns = solver.solve(cost, rows, cols, limit);
    ASSERT_EQ(columns.size(), static_cast<std::size_t>(rows));
    EXPECT_NEAR(add_up(columns, cost, cols, limit).sum, brute_force(cost, rows, cols, limit), 1e-12)
        << rows << "x" << cols << " limit " << limit << " round " << round;
  }
}

TEST(Assignment, MatchesTheShorterSideWithoutALimit) {
  std::mt19937 random(2);
  AssignmentSolver solver;
  for (int round = 0; round < 2000; ++round) {
    const int rows = 1 + static_cast<int>(random() % 6), cols = 1 + static_cast<int>(random() % 6);
    const auto cost = random_costs(random, rows * cols, round % 2);
    const Answer answer = add_up(solver.solve(cost, rows, cols), cost, cols, AssignmentSolver::kNoLimit);
    EXPECT_EQ(answer.matched, std::min(rows, cols));
    std::vector<double> wide = cost;  // brute force serves every row, so rows must be the shorter side
    if (rows > cols) {
      for (int i = 0; i < rows; ++i) {
        for (int j = 0; j < cols; ++j) wide[j * rows + i] = cost[i * cols + j];
      }
    }
    const double least = brute_force(wide, std::min(rows, cols), std::max(rows, cols), AssignmentSolver::kNoLimit);
    EXPECT_NEAR(answer.sum, least, 1e-12) << rows << "x" << cols << " round " << round;
  }
}

TEST(Assignment, UsesOnlyWhatIsBelowTheLimit) {
  AssignmentSolver solver;
  const std::vector<double> cost = {0.5, 0.9, 0.9, 0.9};
  EXPECT_EQ(solver.solve(cost, 2, 2, 0.5)[0], -1);
  EXPECT_EQ(solver.solve(cost, 2, 2, 0.51)[0], 0);
  EXPECT_EQ(solver.solve(cost, 2, 2, 0.51)[1], -1);
}

TEST(Assignment, PrefersTheBetterSumOverTheBetterPair) {
  AssignmentSolver solver;
  const auto columns = solver.solve(std::vector<double>{0.1, 0.2, 0.15, 0.9}, 2, 2, 0.95);
  EXPECT_EQ(columns[0], 1);
  EXPECT_EQ(columns[1], 0);
}

TEST(Assignment, TakesInfiniteCostsWithALimitAndEmptyProblems) {
  AssignmentSolver solver;
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(solver.solve(std::vector<double>{infinity, 0.3}, 2, 1, 1)[0], -1);
  EXPECT_TRUE(solver.solve({}, 0, 5, 1).empty());
  EXPECT_EQ(solver.solve({}, 3, 0).size(), 3U);
}

/// Every sum of a problem with a limit, in no order.
void all_sums(const std::vector<double>& cost, int rows, int cols, double limit, int row, unsigned taken, double sum,
              std::vector<double>& sums) {
  if (row == rows) {
    sums.push_back(sum);
    return;
  }
  all_sums(cost, rows, cols, limit, row + 1, taken, sum + limit, sums);
  for (int col = 0; col < cols; ++col) {
    const double here = cost[row * cols + col];
    if (taken >> col & 1U || !(here < limit)) continue;
    all_sums(cost, rows, cols, limit, row + 1, taken | 1U << col, sum + here, sums);
  }
}

TEST(Assignment, KnowsWhetherTheAnswerIsTheOnlyOne) {
  std::mt19937 random(5);
  AssignmentSolver solver;
  int unique = 0, said_so = 0;
  for (int round = 0; round < 4000; ++round) {
    const int rows = static_cast<int>(random() % 6), cols = static_cast<int>(random() % 6);
    auto cost = random_costs(random, rows * cols, round % 2);
    for (double& value : cost) {
      if (random() % 3 == 0) value = 1;  // beyond the limit: no such pair
    }
    solver.solve(cost, rows, cols, 0.5);
    std::vector<double> sums;
    all_sums(cost, rows, cols, 0.5, 0, 0, 0, sums);
    std::ranges::sort(sums);
    const bool only_one = sums.size() == 1 || sums[1] > sums[0] + 1e-9;
    const bool answer = solver.is_unique(1e-9);
    EXPECT_TRUE(only_one || !answer) << rows << "x" << cols << " round " << round;
    unique += only_one;
    said_so += answer;
  }
  EXPECT_GT(unique, 1000);
  EXPECT_GE(said_so, unique * 95 / 100);
}

TEST(Assignment, SparseAndDenseProblemsAgree) {
  std::mt19937 random(6);
  AssignmentSolver solver;
  for (int round = 0; round < 2000; ++round) {
    const int rows = static_cast<int>(random() % 9), cols = 1 + static_cast<int>(random() % 9);
    const double infinity = std::numeric_limits<double>::infinity();
    std::vector<double> cost = random_costs(random, rows * cols, round % 2);
    std::vector<AssignmentEdge> edges;
    std::vector<int> row_begin = {0};
    for (int row = 0; row < rows; ++row) {
      for (int col = 0; col < cols; ++col) {
        if (random() % 2) cost[row * cols + col] = infinity;
        else edges.push_back({col, cost[row * cols + col]});
      }
      row_begin.push_back(static_cast<int>(edges.size()));
    }
    const double dense = add_up(solver.solve(cost, rows, cols, 0.3), cost, cols, 0.3).sum;
    EXPECT_NEAR(add_up(solver.solve_sparse(edges, row_begin, cols, 0.3), cost, cols, 0.3).sum, dense, 1e-12) << round;
  }
}

TEST(Assignment, SolvesLargeProblems) {
  std::mt19937 random(3);
  AssignmentSolver solver;
  // Only the diagonal of a shuffled matrix is cheap.
  const int n = 700;
  std::vector<int> hidden(n);
  for (int i = 0; i < n; ++i) hidden[i] = i;
  std::ranges::shuffle(hidden, random);
  std::vector<double> cost(static_cast<std::size_t>(n) * n);
  for (double& value : cost) value = std::uniform_real_distribution<double>(0.5, 1)(random);
  for (int i = 0; i < n; ++i) cost[static_cast<std::size_t>(i) * n + hidden[i]] = 0.1;
  for (const double limit : {0.8, AssignmentSolver::kNoLimit}) {
    const auto columns = solver.solve(cost, n, n, limit);
    EXPECT_TRUE(std::ranges::equal(columns, hidden));
  }
}

}  // namespace
}  // namespace goshawk
