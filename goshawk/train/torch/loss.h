// What training minimises.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "goshawk/train/assignment.h"
#include "goshawk/train/network.h"
#include "goshawk/train/targets.h"

namespace goshawk::train {

/// Weights of the three parts. Source: the published defaults of the v8 family.
struct LossWeights {
  double box = 7.5, classes = 0.5, distribution = 1.5;
};

/// The loss and its parts (weighted, of this batch); the parts are plain numbers for display.
struct Loss {
  torch::Tensor total;  // scalar with gradient: sum of the parts times the images of the batch
  double box = 0, classes = 0, distribution = 0;
};

/// The batch as a whole, where a process has but a part of it.
struct WholeBatch {
  std::int64_t images = 0;                   // of all processes
  std::function<double(double)> total = {};  // the sum of all processes' values; called once a batch, also without images
};

/// Task-aligned assignment; complete IoU for boxes; distribution focal loss for their sides (Li et al., "Generalized Focal
/// Loss", NeurIPS 2020); binary cross-entropy for classes. All are normalised by the sum of the assigned scores.
class DetectionLoss {
 public:
  explicit DetectionLoss(const Network& network, const LossWeights& weights = {}, const AssignmentOptions& assignment = {});

  /// `maps` as DetectionNetwork gives them (any float type), `targets` an entry an image, none possibly. With `whole`,
  /// losses and gradients of all processes add up to those that one would have with the whole batch. Not thread-safe.
  Loss operator()(const std::vector<torch::Tensor>& maps, const std::vector<ImageTargets>& targets,
                  const WholeBatch* whole = nullptr) const;

 private:
  int classes_, bins_;
  std::vector<int> strides_;
  LossWeights weights_;
  AssignmentOptions assignment_;
};

/// 1 - complete IoU of pairs: [M, 4] and [M, 4] xyxy -> [M], differentiable by the first.
torch::Tensor complete_iou_loss(const torch::Tensor& predicted, const torch::Tensor& truth);

}  // namespace goshawk::train
