#include "goshawk/train/torch/ema.h"

#include <torch/torch.h>

#include <cmath>

#include "goshawk/core/error.h"

namespace goshawk::train {

std::map<std::string, torch::Tensor> tensors_of(const DetectionNetwork& network) {
  std::map<std::string, torch::Tensor> tensors;
  for (const auto& item : network.named_parameters()) tensors.emplace(item.key(), item.value());
  for (const auto& item : network.named_buffers()) tensors.emplace(item.key(), item.value());
  return tensors;
}

void copy_values(const DetectionNetwork& from, DetectionNetwork& to) {
  const torch::NoGradGuard no_grad;
  const auto source = tensors_of(from);
  for (auto& [name, tensor] : tensors_of(to)) {
    const auto found = source.find(name);
    require(found != source.end(), "copy_values: two different networks");
    tensor.copy_(found->second);
  }
}

void use_channels_last(DetectionNetwork& network) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : network.parameters()) {
    if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(torch::MemoryFormat::ChannelsLast));
  }
}

MovingAverage::MovingAverage(const DetectionNetwork& network)
    : average_(std::make_shared<DetectionNetwork>(network.description())) {
  average_->to(network.parameters().front().device());
  copy_values(network, *average_);
  average_->eval();
  for (auto& parameter : average_->parameters()) parameter.set_requires_grad(false);
}

void MovingAverage::update(const DetectionNetwork& network) {
  const torch::NoGradGuard no_grad;
  constexpr double kMost = 0.9999, kTau = 2000;
  ++updates_;
  const double keep = kMost * (1 - std::exp(-static_cast<double>(updates_) / kTau));
  const auto source = tensors_of(network);
  std::vector<torch::Tensor> own, current;
  for (auto& [name, tensor] : tensors_of(*average_)) {
    if (!tensor.is_floating_point()) continue;
    own.push_back(tensor);
    current.push_back(source.at(name).detach());
  }
  at::_foreach_lerp_(own, current, 1 - keep);
}

}  // namespace goshawk::train
