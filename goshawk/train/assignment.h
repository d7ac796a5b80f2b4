// Which places of the feature maps learn which object.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "goshawk/train/targets.h"

namespace goshawk::train {

/// Centre of a cell of a feature map, in pixels of the network's input, and the map's stride.
struct Anchor {
  float x = 0, y = 0, stride = 1;
};

/// All cells by rising stride, row by row: the order of the network's outputs. `width` and `height` in pixels.
std::vector<Anchor> make_anchors(int width, int height, std::span<const int> strides);

/// What the network says of one image now.
struct Prediction {
  std::span<const float> scores;  // [anchors * classes] in [0, 1], the classes of an anchor together
  std::span<const Box> boxes;     // [anchors] pixels
  int classes = 0;
};

/// One anchor that learns one object.
struct Match {
  std::uint32_t anchor = 0;
  std::uint32_t target = 0;
  float score = 0;  // what the object's class shall score here, in [0, 1]
  bool operator==(const Match&) const = default;
};

struct AssignmentOptions {
  int candidates = 10;         // best anchors an object
  float score_power = 0.5F;    // alpha of the alignment score^alpha * overlap^beta
  float overlap_power = 6.0F;  // beta
};

/// Task-aligned assignment (Feng et al., "TOOD: Task-aligned One-stage Object Detection", ICCV 2021, section 3.2): of the
/// anchors whose centre lies within an object, those whose prediction is best aligned with it learn it. One that several
/// objects want goes to the one that its box overlaps most (CIoU; the first of equals). Scores are normalised so that each
/// object's best aligned anchor learns its best overlap. Matches come by rising anchor. Pure: safe from several threads.
std::vector<Match> assign(std::span<const Anchor> anchors, const Prediction& prediction, std::span<const Target> targets,
                          const AssignmentOptions& options = {});

/// Complete IoU (Zheng et al., AAAI 2020): overlap less the centres' distance and the difference in shape; at most 1.
float complete_iou(const Box& a, const Box& b);

}  // namespace goshawk::train
