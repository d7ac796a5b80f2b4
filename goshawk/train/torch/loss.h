// What training minimises.
#pragma once

#include <torch/types.h>

#include <array>
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

/// The parts of losses, weighted: of a batch, or sums and means of many.
struct LossParts {
  double box = 0, classes = 0, distribution = 0;
  void add(const LossParts& parts, double share);
};

/// The loss of a batch, with its parts for display.
struct Loss : LossParts {
  torch::Tensor total;  // scalar with gradient: sum of the parts times the images of the batch
};

/// The batch as a whole, where a process has but a part of it.
struct WholeBatch {
  std::int64_t images = 0;  // of all processes
  // The sums of all processes' values; called once a batch, also without images: the labels' scores, the teacher's.
  std::function<std::array<double, 2>(std::array<double, 2>)> total = {};
};

/// What a teacher says of a batch at every cell.
struct Taught {
  torch::Tensor scores;  // [N, classes, cells] in [0, 1]; 0 for classes that it does not know
  torch::Tensor boxes;   // [N, cells, 4] corners in pixels
  torch::Tensor known;   // [classes] 1 for those that it knows, else 0
  double weight = 1;     // of its loss beside that of the labels
  double temperature = 1;  // from 1: logits of both are divided by it, so that low scores count too, and the loss is
                           // multiplied by its square (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015)
};

/// Task-aligned assignment; complete IoU for boxes; distribution focal loss for their sides (Li et al., "Generalized Focal
/// Loss", NeurIPS 2020); binary cross-entropy for classes. All are normalised by the sum of the assigned scores.
class DetectionLoss {
 public:
  explicit DetectionLoss(const Network& network, const LossWeights& weights = {}, const AssignmentOptions& assignment = {});

  /// `maps` as DetectionNetwork gives them (any float type), `targets` an entry an image, none possibly. With `whole`,
  /// losses and gradients of all processes add up to those that one would have with the whole batch. With `taught`, each
  /// part also has its weight times what the teacher's scores and boxes give in the place of assigned ones; the classes'
  /// part is then the divergence from its scores, which is 0 for who agrees with it. Not thread-safe.
  Loss operator()(const std::vector<torch::Tensor>& maps, const std::vector<ImageTargets>& targets,
                  const WholeBatch* whole = nullptr, const Taught* taught = nullptr) const;

 private:
  int classes_, bins_;
  std::vector<int> strides_;
  LossWeights weights_;
  AssignmentOptions assignment_;
};

/// 1 - complete IoU of pairs: [M, 4] and [M, 4] xyxy -> [M], differentiable by the first.
torch::Tensor complete_iou_loss(const torch::Tensor& predicted, const torch::Tensor& truth);

}  // namespace goshawk::train
