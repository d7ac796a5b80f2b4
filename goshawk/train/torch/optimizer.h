// Changing weights by their gradients.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "goshawk/train/schedule.h"

namespace torch::nn {
class Module;
}

namespace goshawk::train {

enum class OptimizerKind { kSgd, kAdamW };

/// Stochastic gradient descent with Nesterov momentum, or AdamW (Loshchilov and Hutter, 2019). Three groups, as is usual for
/// detectors: weights of convolutions (with decay), weights of norms (without), biases (without, and with a rate of their
/// own while warming up). All state is by parameter name, so that it can be stored. Not thread-safe.
class Optimizer {
 public:
  /// Keeps the parameters of `module` that require a gradient. `weight_decay` of one step.
  Optimizer(torch::nn::Module& module, OptimizerKind kind, double weight_decay);

  /// One step; `rates.momentum` is AdamW's first beta (its second is 0.999). Parameters without a gradient stay.
  void step(const Rates& rates);
  void zero_grad();
  /// Scales all gradients so that their common norm is at most `most` (parts equal to one another); returns the norm before.
  double clip(double most);

  /// Name -> tensor: "momentum.NAME", or "first.NAME" and "second.NAME". Copies share memory.
  std::map<std::string, torch::Tensor> state() const;
  std::int64_t steps() const { return steps_; }
  /// So many were done before.
  void set_steps(std::int64_t steps) { steps_ = steps; }
  void set_weight_decay(double weight_decay) { weight_decay_ = weight_decay; }
  const std::vector<torch::Tensor>& parameters() const { return all_; }

 private:
  struct Group {
    std::vector<std::string> names;
    std::vector<torch::Tensor> parameters, first, second;
    bool decay = false, bias = false;
  };
  void step_sgd(Group& group, double rate, double momentum);
  void step_adam(Group& group, double rate, double beta);

  OptimizerKind kind_;
  double weight_decay_;
  std::int64_t steps_ = 0;
  std::vector<Group> groups_;
  std::vector<torch::Tensor> all_;
};

}  // namespace goshawk::train
