#include "goshawk/detect/nms.h"

#include <algorithm>

namespace goshawk::detect {

void sort_by_score(std::vector<Candidate>& candidates, std::size_t max_candidates) {
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  if (candidates.size() > max_candidates) candidates.resize(max_candidates);
}

void suppress(std::vector<Candidate>& candidates, float iou_threshold, int max_detections) {
  sort_by_score(candidates);
  // Comparing with the kept ones only bounds the work by candidates * max_detections; kept ones move to the front.
  std::size_t kept = 0;
  for (std::size_t i = 0; i < candidates.size() && kept < static_cast<std::size_t>(std::max(0, max_detections)); ++i) {
    const Candidate candidate = candidates[i];
    const bool covered =
        std::any_of(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(kept), [&](const Candidate& other) {
          return other.class_id == candidate.class_id && iou(other.box, candidate.box) > iou_threshold;
        });
    if (!covered) candidates[kept++] = candidate;
  }
  candidates.resize(kept);
}

}  // namespace goshawk::detect
