// What a run keeps of its network: checkpoints to go on from, and models for every other command.
#pragma once

#include <filesystem>
#include <memory>

#include "goshawk/train/checkpoint.h"
#include "goshawk/train/network.h"
#include "goshawk/train/torch/modules.h"
#include "goshawk/train/training_set.h"

namespace goshawk::train {

/// The files of a run's folder "weights": last and best, .safetensors and .onnx. Not thread-safe.
class RunWeights {
 public:
  /// Of the run in `folder`. `set` must outlive it.
  RunWeights(const std::filesystem::path& folder, const TrainingSet& set, Network network);

  /// What --resume goes on from. Throws Error{kIo}, after which the one before is still there.
  void write_last(Checkpoint state) const;
  Checkpoint read_last() const;
  /// What people hand on: without the optimiser's state (`state` has none) and this machine's folders. Throws Error{kIo}.
  void write_best(Checkpoint state) const;

  /// last.onnx, and best.onnx where there is a best.safetensors; returns the network of the latter, in evaluation mode on
  /// the CPU, else null. Throws what write_model throws; the best is written even if the last cannot be.
  std::shared_ptr<DetectionNetwork> write_models() const;
  std::filesystem::path best_model() const { return folder_ / "best.onnx"; }

 private:
  std::shared_ptr<DetectionNetwork> write_model_of(const char* name) const;

  std::filesystem::path folder_;
  const TrainingSet& set_;
  Network network_;
};

}  // namespace goshawk::train
