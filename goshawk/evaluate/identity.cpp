// Identity scores: Ristani et al. 2016, section 4: tracks are matched one to one over the whole sequence so that as few
// boxes as possible are identified wrongly.
#include <algorithm>
#include <numeric>

#include "goshawk/core/assignment.h"
#include "goshawk/evaluate/track_frames.h"

namespace goshawk::evaluate {

void finish(IdentityScores& scores) {
  const auto ratio = [](double part, double whole) { return part / std::max(1.0, whole); };
  const auto tp = static_cast<double>(scores.tp), fn = static_cast<double>(scores.fn), fp = static_cast<double>(scores.fp);
  scores.idr = ratio(tp, tp + fn);
  scores.idp = ratio(tp, tp + fp);
  scores.idf1 = ratio(tp, tp + 0.5 * fp + 0.5 * fn);
}

// Wrong boxes = all boxes - 2 * identified ones, so the greatest number of identified boxes is looked for.
IdentityScores identity_scores(const TrackFrames& frames) {
  std::vector<std::int64_t> together(frames.pairs().size());
  for (std::size_t k = 0; k < frames.overlaps().size(); ++k) {
    if (frames.overlaps()[k].iou >= 0.5) ++together[frames.pair_of()[k]];
  }
  std::vector<AssignmentEdge> edges;
  std::vector<int> row_begin = {0};
  for (std::size_t p = 0; p < together.size(); ++p) {
    const auto& [truth, result] = frames.pairs()[p];
    while (row_begin.size() <= truth) row_begin.push_back(static_cast<int>(edges.size()));
    if (together[p] > 0) edges.push_back({static_cast<int>(result), -static_cast<double>(together[p])});
  }
  while (row_begin.size() <= frames.truth_tracks()) row_begin.push_back(static_cast<int>(edges.size()));

  AssignmentSolver solver;
  const auto match = solver.solve_sparse(edges, row_begin, static_cast<int>(frames.result_tracks()), 0);
  IdentityScores scores;
  for (std::size_t truth = 0; truth < match.size(); ++truth) {
    for (int e = row_begin[truth]; e < row_begin[truth + 1]; ++e) {
      if (edges[e].col == match[truth]) scores.tp -= static_cast<std::int64_t>(edges[e].cost);
    }
  }
  scores.fn = static_cast<std::int64_t>(frames.truth_boxes()) - scores.tp;
  scores.fp = static_cast<std::int64_t>(frames.result_boxes()) - scores.tp;
  finish(scores);
  return scores;
}

}  // namespace goshawk::evaluate
