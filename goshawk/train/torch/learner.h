// A network that learns from one batch after the other.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "goshawk/train/checkpoint.h"
#include "goshawk/train/loader.h"
#include "goshawk/train/torch/compute.h"
#include "goshawk/train/torch/ema.h"
#include "goshawk/train/torch/loss.h"
#include "goshawk/train/torch/optimizer.h"
#include "goshawk/train/torch/peers.h"

namespace goshawk::train {

/// Loss, gradients, weights and their average. Batches are counted from the beginning of the training: rates follow from
/// the count. All processes take their parts of the same batches at once. One thread.
class Learner {
 public:
  /// Changes `network`, whose first `options.freeze` layers stay as they are. `options`: settled. `images`: of an epoch.
  /// `peers` must outlive it.
  Learner(std::shared_ptr<DetectionNetwork> network, const TrainOptions& options, std::int64_t images,
          const Compute& compute, Peers& peers);

  /// This process's share of the loss. `taught`: of the same batch, if there is a teacher. `epoch`: counts from 0.
  Loss loss_of(const Batch& batch, std::optional<Taught> taught, int epoch);
  /// Takes its gradients; every so many batches, and with `last` (of an epoch), the weights change by what was gathered.
  /// False, in every process: what was gathered is no number, and the weights have stayed.
  bool learn(const Loss& loss, bool last);

  /// The smoothed weights, which are the better network.
  MovingAverage& average() { return average_; }
  const DetectionLoss& criterion() const { return criterion_; }
  /// The rates of the latest batch.
  Rates rates() const;

  /// The counts and the average; with `whole` all that it takes to go on.
  void store(Checkpoint& to, bool whole) const;
  /// What was gathered since is forgotten. Batches are counted as if all epochs so far had had today's images. Throws
  /// Error{kBadData} where a tensor is missing.
  void go_on_from(const Checkpoint& from);
  /// Goes on with batches of another size, counted as if all epochs so far had had them.
  void set_batch(int batch, int epochs_done);

 private:
  double weight_decay() const;
  std::int64_t batches_per_epoch() const { return (images_ + options_.batch - 1) / options_.batch; }
  bool change_weights(const Rates& rates);
  void add_up_gradients();

  TrainOptions options_;
  std::int64_t images_;
  Compute compute_;
  Peers& peers_;
  std::shared_ptr<DetectionNetwork> network_;
  MovingAverage average_;
  DetectionLoss criterion_;
  Optimizer optimizer_;
  LossScaler scaler_;
  std::int64_t batches_ = 0;
  int pending_ = 0;  // batches whose gradients are gathered
};

}  // namespace goshawk::train
