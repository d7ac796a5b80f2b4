#include "goshawk/detect/nms.h"

#include <algorithm>
#include <unordered_map>

namespace goshawk::detect {

void sort_by_score(std::vector<Candidate>& candidates, std::size_t max_candidates) {
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  if (candidates.size() > max_candidates) candidates.resize(max_candidates);
}

void suppress(std::vector<Candidate>& candidates, float iou_threshold, int max_detections) {
  sort_by_score(candidates);
  // Comparing with the kept ones only bounds the work by candidates * max_detections. Kept ones move to the front; those of
  // one class form a chain through `previous`, so that other classes cost nothing.
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::unordered_map<int, std::size_t> newest;
  std::vector<std::size_t> previous;
  for (std::size_t i = 0; i < candidates.size() && previous.size() < static_cast<std::size_t>(std::max(0, max_detections));
       ++i) {
    const Candidate candidate = candidates[i];
    std::size_t& chain = newest.try_emplace(candidate.class_id, kNone).first->second;
    std::size_t other = chain;
    while (other != kNone && !(iou(candidates[other].box, candidate.box) > iou_threshold)) other = previous[other];
    if (other != kNone) continue;
    const std::size_t place = previous.size();
    previous.push_back(chain);
    chain = place;
    candidates[place] = candidate;
  }
  candidates.resize(previous.size());
}

}  // namespace goshawk::detect
