#include "goshawk/detect/nms.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

namespace goshawk::detect {

void sort_by_score(std::vector<Candidate>& candidates, std::size_t max_candidates) {
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto before = [&](std::size_t a, std::size_t b) {
    const float first = candidates[a].score, second = candidates[b].score;
    return first != second ? first > second : a < b;
  };
  std::sort(order.begin(), order.end(), before);
  const std::size_t kept = std::min(max_candidates, order.size());
  std::vector<Candidate> sorted;
  sorted.reserve(kept);
  for (std::size_t i = 0; i < kept; ++i) sorted.push_back(candidates[order[i]]);
  candidates.swap(sorted);
}

void suppress(std::vector<Candidate>& candidates, float iou_threshold, int max_detections, NmsClasses classes) {
  sort_by_score(candidates);
  // Comparing with the kept ones only bounds the work by candidates * max_detections. Kept ones move to the front; those of
  // one class form a chain through `previous`, so that other classes cost nothing.
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::unordered_map<int, std::size_t> newest;
  std::vector<std::size_t> previous;
  for (std::size_t i = 0; i < candidates.size() && previous.size() < static_cast<std::size_t>(std::max(0, max_detections));
       ++i) {
    const Candidate candidate = candidates[i];
    std::size_t& chain = newest.try_emplace(classes == NmsClasses::kApart ? candidate.class_id : 0, kNone).first->second;
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
