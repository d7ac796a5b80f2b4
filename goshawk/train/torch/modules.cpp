#include "goshawk/train/torch/modules.h"

#include <torch/nn/functional.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/pooling.h>
#include <torch/nn/modules/upsampling.h>

#include <algorithm>
#include <cmath>

namespace goshawk::train {
namespace {

using torch::Tensor;
using torch::nn::ModuleList;

torch::nn::Conv2d convolution(int inputs, int outputs, int kernel, int stride) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(inputs, outputs, kernel).stride(stride).padding(kernel / 2).bias(false));
}

std::shared_ptr<NormLayer> batch_norm(int channels) {
  return std::make_shared<NormLayer>(torch::nn::BatchNormOptions(channels).eps(1e-3).momentum(0.03));
}

torch::nn::Conv2d plain_convolution(int inputs, int outputs) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(inputs, outputs, 1));
}

class ConvLayer final : public LayerModule {
 public:
  explicit ConvLayer(const Layer& layer) {
    // Its own names, not those of a block within it: they are those of the v8 family.
    conv_ = register_module("conv", convolution(layer.input_channels[0], layer.channels, layer.kernel, layer.stride));
    bn_ = register_module("bn", batch_norm(layer.channels));
  }
  Tensor forward(const std::vector<Tensor>& inputs) override { return bn_->forward_silu(conv_(inputs[0])); }

 private:
  torch::nn::Conv2d conv_{nullptr};
  std::shared_ptr<NormLayer> bn_;
};

class Bottleneck final : public torch::nn::Module {
 public:
  Bottleneck(int inputs, int hidden, int outputs, bool shortcut) : shortcut_(shortcut) {
    first_ = register_module("cv1", std::make_shared<ConvBlock>(inputs, hidden, 3));
    second_ = register_module("cv2", std::make_shared<ConvBlock>(hidden, outputs, 3));
  }
  Tensor forward(const Tensor& x) {
    auto y = second_->forward(first_->forward(x));
    return shortcut_ ? x + y : y;
  }

 private:
  bool shortcut_;
  std::shared_ptr<ConvBlock> first_, second_;
};

class CspLayer final : public LayerModule {
 public:
  explicit CspLayer(const Layer& layer) : parts_{layer.inner[0], layer.inner[1]} {
    first_ = register_module("cv1", std::make_shared<ConvBlock>(layer.input_channels[0], layer.inner[0] + layer.inner[1]));
    int all = layer.inner[0] + layer.inner[1];
    for (std::size_t i = 3; i < layer.inner.size(); i += 2) all += layer.inner[i];
    last_ = register_module("cv2", std::make_shared<ConvBlock>(all, layer.channels));
    blocks_ = register_module("m", ModuleList());
    for (std::size_t i = 2; i < layer.inner.size(); i += 2)
      blocks_->push_back(
          std::make_shared<Bottleneck>(layer.inner[i - 1], layer.inner[i], layer.inner[i + 1], layer.shortcut));
  }
  Tensor forward(const std::vector<Tensor>& inputs) override {
    auto parts = first_->forward(inputs[0]).split_with_sizes(parts_, 1);
    // A convolution takes whole maps only; without this it copies these channels again on the way back.
    parts.back() = parts.back().contiguous(torch::MemoryFormat::ChannelsLast);
    for (const auto& block : *blocks_) parts.push_back(block->as<Bottleneck>()->forward(parts.back()));
    return last_->forward(torch::cat(parts, 1));
  }

 private:
  std::vector<std::int64_t> parts_;
  std::shared_ptr<ConvBlock> first_, last_;
  ModuleList blocks_{nullptr};
};

class SppfLayer final : public LayerModule {
 public:
  explicit SppfLayer(const Layer& layer) : kernel_(layer.kernel) {
    first_ = register_module("cv1", std::make_shared<ConvBlock>(layer.input_channels[0], layer.inner[0]));
    last_ = register_module("cv2", std::make_shared<ConvBlock>(4 * layer.inner[0], layer.channels));
  }
  Tensor forward(const std::vector<Tensor>& inputs) override {
    std::vector<Tensor> maps{first_->forward(inputs[0])};
    for (int i = 0; i < 3; ++i) maps.push_back(torch::max_pool2d(maps.back(), kernel_, 1, kernel_ / 2));
    return last_->forward(torch::cat(maps, 1));
  }

 private:
  int kernel_;
  std::shared_ptr<ConvBlock> first_, last_;
};

class UpsampleLayer final : public LayerModule {
 public:
  Tensor forward(const std::vector<Tensor>& inputs) override {
    namespace F = torch::nn::functional;
    return F::interpolate(inputs[0],
                          F::InterpolateFuncOptions().scale_factor(std::vector<double>{2, 2}).mode(torch::kNearest));
  }
};

class ConcatLayer final : public LayerModule {
 public:
  Tensor forward(const std::vector<Tensor>& inputs) override { return torch::cat(inputs, 1); }
};

std::shared_ptr<LayerModule> make_layer(const Layer& layer) {
  switch (layer.op) {
    case Op::kConv:
      return std::make_shared<ConvLayer>(layer);
    case Op::kCsp:
      return std::make_shared<CspLayer>(layer);
    case Op::kSppf:
      return std::make_shared<SppfLayer>(layer);
    case Op::kUpsample:
      return std::make_shared<UpsampleLayer>();
    case Op::kConcat:
      return std::make_shared<ConcatLayer>();
    case Op::kDetect:
      break;
  }
  return nullptr;
}

}  // namespace

ConvBlock::ConvBlock(int inputs, int outputs, int kernel, int stride) {
  conv_ = register_module("conv", convolution(inputs, outputs, kernel, stride));
  bn_ = register_module("bn", batch_norm(outputs));
}

Tensor ConvBlock::forward(const Tensor& x) { return bn_->forward_silu(conv_(x)); }

DetectModule::DetectModule(const Network& network) {
  boxes_ = register_module("cv2", ModuleList());
  classes_ = register_module("cv3", ModuleList());
  const auto& head = network.head();
  for (std::size_t i = 0; i < head.input_channels.size(); ++i) {
    const auto branch = [&](int first, int second, int outputs) {
      ModuleList list;
      list->push_back(std::make_shared<ConvBlock>(head.input_channels[i], first, 3));
      list->push_back(std::make_shared<ConvBlock>(first, second, 3));
      list->push_back(plain_convolution(second, outputs));
      return list;
    };
    const int* inner = &head.inner[4 * i];
    boxes_->push_back(branch(inner[0], inner[1], 4 * network.bins));
    classes_->push_back(branch(inner[2], inner[3], network.classes));
  }
  set_start_biases(network);
}

std::vector<Tensor> DetectModule::forward(const std::vector<Tensor>& inputs) {
  const auto through = [](const std::shared_ptr<torch::nn::Module>& branch, Tensor x) {
    auto& list = *branch->as<torch::nn::ModuleListImpl>();
    x = list[0]->as<ConvBlock>()->forward(x);
    x = list[1]->as<ConvBlock>()->forward(x);
    return list[2]->as<torch::nn::Conv2dImpl>()->forward(x);
  };
  std::vector<Tensor> maps;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    maps.push_back(torch::cat({through(boxes_[i], inputs[i]), through(classes_[i], inputs[i])}, 1));
  }
  return maps;
}

void DetectModule::set_start_biases(const Network& network) {
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < network.strides.size(); ++i) {
    const auto last = [&](ModuleList& branches) {
      return (*branches[i]->as<torch::nn::ModuleListImpl>())[2]->as<torch::nn::Conv2dImpl>();
    };
    last(boxes_)->bias.fill_(1.0);
    last(classes_)->bias.fill_(std::log(5.0 / network.classes / std::pow(640.0 / network.strides[i], 2)));
  }
}

DetectionNetwork::DetectionNetwork(Network network) : network_(std::move(network)) {
  auto list = register_module("model", ModuleList());
  last_use_.resize(network_.layers.size());
  for (std::size_t i = 0; i < network_.layers.size(); ++i) {
    const auto& layer = network_.layers[i];
    for (const int source : layer.from) {
      if (source >= 0) last_use_[static_cast<std::size_t>(source)] = static_cast<int>(i);
    }
    if (layer.op == Op::kDetect) {
      head_ = std::make_shared<DetectModule>(network_);
      list->push_back(head_);
    } else {
      layers_.push_back(make_layer(layer));
      list->push_back(layers_.back());
    }
  }
}

void DetectionNetwork::share_statistics(Peers& peers) {
  for (const auto& module : modules(/*include_self=*/false)) {
    if (auto* norm = module->as<NormLayer>(); norm != nullptr) norm->share(&peers);
  }
}

std::vector<Tensor> DetectionNetwork::forward(const Tensor& images) {
  std::vector<Tensor> maps(network_.layers.size());
  const auto inputs_of = [&](const Layer& layer) {
    std::vector<Tensor> inputs;
    for (const int source : layer.from) inputs.push_back(source < 0 ? images : maps[static_cast<std::size_t>(source)]);
    return inputs;
  };
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const auto& layer = network_.layers[i];
    maps[i] = layers_[i]->forward(inputs_of(layer));
    for (const int source : layer.from) {
      if (source >= 0 && last_use_[static_cast<std::size_t>(source)] == static_cast<int>(i)) {
        maps[static_cast<std::size_t>(source)].reset();
      }
    }
  }
  return head_->forward(inputs_of(network_.head()));
}

}  // namespace goshawk::train
