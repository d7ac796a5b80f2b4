// Greedy non-maximum suppression.
#pragma once

#include <vector>

#include "goshawk/core/geometry.h"

namespace goshawk::detect {

/// A box that a decoder found, in pixels of the model's input.
struct Candidate {
  Box box;
  float score = 0;  // [0, 1]
  int class_id = 0;
  bool operator==(const Candidate&) const = default;
};

/// Orders `candidates` by descending score (equal ones keep their order) and keeps the first `max_candidates`.
void sort_by_score(std::vector<Candidate>& candidates, std::size_t max_candidates = 30'000);

/// Whether boxes of different classes suppress each other.
enum class NmsClasses { kApart, kTogether };

/// Keeps, in descending order of score, each candidate whose IoU with every kept one (kApart: of the same class) is at most
/// `iou`; stops at `max_detections`. Ties and the comparison are those of torchvision.ops.nms (0.20): stable order, `>`
/// suppresses, boxes without area suppress nothing. The 30,000 best are looked at, as Ultralytics does.
void suppress(std::vector<Candidate>& candidates, float iou, int max_detections, NmsClasses classes = NmsClasses::kApart);

}  // namespace goshawk::detect
