// Batch norm over the batches of all processes.
#pragma once

#include <torch/nn/modules/batchnorm.h>

#include <optional>

namespace goshawk::train {

class Peers;

/// Batch norm (Ioffe and Szegedy, 2015) whose statistics in training are, once `share` was called, those of the batches of
/// all processes together: what one process would see with the whole batch. Its batch may then be empty. Parameters, buffers
/// and everything outside of training are torch's.
class NormLayer : public torch::nn::BatchNorm2dImpl {
 public:
  using BatchNorm2dImpl::BatchNorm2dImpl;
  /// `x`: [N, C, H, W], of any float type; the result is of the same.
  torch::Tensor forward(const torch::Tensor& x);
  /// silu(forward(x)), on the CPU in one step of the graph (norm_silu.h).
  torch::Tensor forward_silu(const torch::Tensor& x);
  /// `peers` must outlive the training; nullptr: each for itself again.
  void share(Peers* peers) { peers_ = peers; }

  /// For a norm that was folded into its convolution: outside of training it adds `bias` [C] to what it gets.
  void unfold(const torch::Tensor& bias);
  /// From here to `settle` the statistics of what passes outside of training are gathered.
  void watch();
  /// Makes what was gathered the running statistics, with a weight and bias that leave what the layer computes as it is: in
  /// training, where statistics are those of the batch, it then begins with nearly the same.
  void settle();

 private:
  struct Seen {
    double count = 0;
    torch::Tensor sums;  // [2 C] doubles: of values, then of squares
  };
  Peers* peers_ = nullptr;
  std::optional<Seen> seen_;
};

}  // namespace goshawk::train
