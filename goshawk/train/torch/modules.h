// The torch modules of a network.
//
// Parameters are named as in checkpoints of the v8 family: "model.0.conv.weight", "model.2.m.0.cv1.bn.running_mean",
// "model.22.cv3.1.2.bias". That is the interface to weights from elsewhere.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>

#include <memory>
#include <vector>

#include "goshawk/train/network.h"
#include "goshawk/train/torch/sync_norm.h"

namespace goshawk::train {

/// Convolution without bias, batch norm (eps 1e-3, momentum 0.03), SiLU.
class ConvBlock : public torch::nn::Module {
 public:
  ConvBlock(int inputs, int outputs, int kernel = 1, int stride = 1);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  torch::nn::Conv2d conv_{nullptr};
  std::shared_ptr<NormLayer> bn_;
};

/// One step of the network: maps in, a map out.
class LayerModule : public torch::nn::Module {
 public:
  virtual torch::Tensor forward(const std::vector<torch::Tensor>& inputs) = 0;
};

/// The decoupled head: a box branch (4 * bins) and a class branch (classes) on each map.
class DetectModule : public torch::nn::Module {
 public:
  explicit DetectModule(const Network& network);
  /// Of each map [N, C, H, W]: raw [N, 4 * bins + classes, H, W], boxes first.
  std::vector<torch::Tensor> forward(const std::vector<torch::Tensor>& inputs);
  /// Biases from which training starts well: boxes 1, classes at the prior of 5 objects in an image of 640 pixels.
  void set_start_biases(const Network& network);

 private:
  torch::nn::ModuleList boxes_{nullptr}, classes_{nullptr};
};

/// The whole network. `forward` is not thread-safe while training.
class DetectionNetwork : public torch::nn::Module {
 public:
  explicit DetectionNetwork(Network network);
  /// `images`: [N, 3, H, W] in [0, 1], H and W multiples of the largest stride. Returns one raw map a stride, as
  /// DetectModule.
  std::vector<torch::Tensor> forward(const torch::Tensor& images);
  const Network& description() const { return network_; }
  /// Takes the statistics of batch norms over all processes (NormLayer::share).
  void share_statistics(Peers& peers);

 private:
  Network network_;
  std::vector<std::shared_ptr<LayerModule>> layers_;  // all but the head
  std::shared_ptr<DetectModule> head_;
  std::vector<int> last_use_;  // index of the last layer that reads each layer's map: it is let go after that
};

}  // namespace goshawk::train
