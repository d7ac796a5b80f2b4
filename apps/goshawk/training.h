// Training in this process: what `train` and `prune` share. LibTorch is loaded here alone, and only when it is asked for.
#pragma once

#include "apps/goshawk/command.h"
#include "goshawk/train/plugin.h"

namespace goshawk::cli {

/// The shared object with LibTorch, loaded for the rest of the process's life. Copies are alike.
class Training {
 public:
  /// Throws Error{kUnavailable} with what to do where this goshawk was built without training, or LibTorch is missing.
  static Training load();
  /// Trains until it is done or asked to stop. Throws the Error that the outcome tells of.
  train::TrainOutcome run(const train::TrainRequest& request) const;

 private:
  explicit Training(train::TrainFunction function) : function_(function) {}
  train::TrainFunction function_;
};

/// The settings of section `train`: fields of the same names.
train::TrainOptions training_options(const Config& config);

/// A request of process `self` without options and folder: how it is stopped and what it tells.
train::TrainRequest training_request(const Invocation& call, const train::Membership& self);

}  // namespace goshawk::cli
