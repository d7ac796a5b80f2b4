#include "goshawk/train/assignment.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "goshawk/core/error.h"

namespace goshawk::train {
namespace {

constexpr float kEpsilon = 1e-7F;

struct Candidate {
  std::uint32_t anchor;
  float alignment;
  float overlap;
};

/// Anchors whose centre lies strictly within the box, with their alignment.
void collect(std::span<const Anchor> anchors, const Prediction& prediction, const Target& target,
             const AssignmentOptions& options, std::vector<Candidate>& candidates) {
  candidates.clear();
  for (std::size_t a = 0; a < anchors.size(); ++a) {
    const auto& anchor = anchors[a];
    const float inside = std::min(std::min(anchor.x - target.box.x1, anchor.y - target.box.y1),
                                  std::min(target.box.x2 - anchor.x, target.box.y2 - anchor.y));
    if (inside <= 1e-9F) continue;
    const float overlap = std::max(0.0F, complete_iou(target.box, prediction.boxes[a]));
    const float score =
        prediction.scores[a * static_cast<std::size_t>(prediction.classes) + static_cast<std::size_t>(target.class_id)];
    const float alignment = std::pow(score, options.score_power) * std::pow(overlap, options.overlap_power);
    candidates.push_back({static_cast<std::uint32_t>(a), alignment, overlap});
  }
}

/// The best aligned first; equal ones keep their order.
void keep_best(std::vector<Candidate>& candidates, int most) {
  const auto count = std::min(candidates.size(), static_cast<std::size_t>(most));
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.alignment > b.alignment; });
  candidates.resize(count);
}

struct Claim {
  std::uint32_t anchor, target;
  float alignment, overlap;
};

}  // namespace

std::vector<Anchor> make_anchors(int width, int height, std::span<const int> strides) {
  std::vector<Anchor> anchors;
  for (const int stride : strides) {
    const auto step = static_cast<float>(stride);
    for (int row = 0; row < height / stride; ++row) {
      for (int column = 0; column < width / stride; ++column) {
        anchors.push_back({(static_cast<float>(column) + 0.5F) * step, (static_cast<float>(row) + 0.5F) * step, step});
      }
    }
  }
  return anchors;
}

float complete_iou(const Box& a, const Box& b) {
  const float common = intersection(a, b);
  const float overlap = common / (a.width() * a.height() + b.width() * b.height() - common + kEpsilon);
  const float width = std::max(a.x2, b.x2) - std::min(a.x1, b.x1);
  const float height = std::max(a.y2, b.y2) - std::min(a.y1, b.y1);
  const float diagonal = width * width + height * height + kEpsilon;
  const float dx = a.x1 + a.x2 - b.x1 - b.x2, dy = a.y1 + a.y2 - b.y1 - b.y2;
  const float distance = (dx * dx + dy * dy) / 4;
  const float angle = std::atan(b.width() / (b.height() + kEpsilon)) - std::atan(a.width() / (a.height() + kEpsilon));
  constexpr float kShape = 4.0F / (std::numbers::pi_v<float> * std::numbers::pi_v<float>);
  const float shape = kShape * angle * angle;
  const float trade_off = shape / (shape - overlap + 1 + kEpsilon);
  return overlap - (distance / diagonal + shape * trade_off);
}

std::vector<Match> assign(std::span<const Anchor> anchors, const Prediction& prediction, std::span<const Target> targets,
                          const AssignmentOptions& options) {
  require(prediction.boxes.size() == anchors.size() &&
              prediction.scores.size() == anchors.size() * static_cast<std::size_t>(prediction.classes),
          "assign: a prediction an anchor is needed");
  std::vector<Claim> claims;
  std::vector<Candidate> candidates;
  for (std::size_t t = 0; t < targets.size(); ++t) {
    require(targets[t].class_id >= 0 && targets[t].class_id < prediction.classes, "assign: class beyond the network's");
    collect(anchors, prediction, targets[t], options, candidates);
    keep_best(candidates, options.candidates);
    for (const auto& c : candidates) claims.push_back({c.anchor, static_cast<std::uint32_t>(t), c.alignment, c.overlap});
  }

  // Each anchor goes to the object it overlaps most.
  std::stable_sort(claims.begin(), claims.end(), [](const Claim& a, const Claim& b) {
    return a.anchor != b.anchor ? a.anchor < b.anchor : a.overlap > b.overlap;
  });
  claims.erase(
      std::unique(claims.begin(), claims.end(), [](const Claim& a, const Claim& b) { return a.anchor == b.anchor; }),
      claims.end());

  std::vector<float> best_alignment(targets.size()), best_overlap(targets.size());
  for (const auto& claim : claims) {
    best_alignment[claim.target] = std::max(best_alignment[claim.target], claim.alignment);
    best_overlap[claim.target] = std::max(best_overlap[claim.target], claim.overlap);
  }
  std::vector<Match> matches;
  for (const auto& claim : claims) {
    const float score = claim.alignment * best_overlap[claim.target] / (best_alignment[claim.target] + 1e-9F);
    matches.push_back({claim.anchor, claim.target, score});
  }
  return matches;
}

}  // namespace goshawk::train
