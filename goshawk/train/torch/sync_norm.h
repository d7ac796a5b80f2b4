// Batch norm over the batches of all processes.
#pragma once

#include <torch/nn/modules/batchnorm.h>

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

 private:
  Peers* peers_ = nullptr;
};

}  // namespace goshawk::train
