#include "goshawk/train/torch/optimizer.h"

#include <torch/torch.h>

#include <cmath>

namespace goshawk::train {
namespace {

constexpr double kSecondBeta = 0.999, kEpsilon = 1e-8;

/// Those of the group that have a gradient, with it and their state side by side.
struct Active {
  std::vector<torch::Tensor> parameters, gradients, first, second;
};

template <typename Group>
Active active_of(const Group& group) {
  Active active;
  for (std::size_t i = 0; i < group.parameters.size(); ++i) {
    if (!group.parameters[i].grad().defined()) continue;
    active.parameters.push_back(group.parameters[i]);
    active.gradients.push_back(group.parameters[i].grad());
    active.first.push_back(group.first[i]);
    if (i < group.second.size()) active.second.push_back(group.second[i]);
  }
  return active;
}

}  // namespace

Optimizer::Optimizer(torch::nn::Module& module, OptimizerKind kind, double weight_decay)
    : kind_(kind), weight_decay_(weight_decay), groups_(3) {
  groups_[0].decay = true;
  groups_[2].bias = true;
  for (const auto& item : module.named_parameters()) {
    if (!item.value().requires_grad()) continue;
    const bool bias = item.key().ends_with(".bias");
    auto& group = groups_[bias ? 2 : item.value().dim() > 1 ? 0 : 1];
    group.names.push_back(item.key());
    group.parameters.push_back(item.value());
    group.first.push_back(torch::zeros_like(item.value(), torch::MemoryFormat::Preserve));
    if (kind == OptimizerKind::kAdamW)
      group.second.push_back(torch::zeros_like(item.value(), torch::MemoryFormat::Preserve));
    all_.push_back(item.value());
  }
}

void Optimizer::step(const Rates& rates) {
  const torch::NoGradGuard no_grad;
  ++steps_;
  for (auto& group : groups_) {
    const double rate = group.bias ? rates.biases : rates.weights;
    if (kind_ == OptimizerKind::kSgd) step_sgd(group, rate, rates.momentum);
    else step_adam(group, rate, rates.momentum);
  }
}

void Optimizer::step_sgd(Group& group, double rate, double momentum) {
  Active active = active_of(group);
  if (active.parameters.empty()) return;
  auto gradients = group.decay ? at::_foreach_add(active.gradients, active.parameters, weight_decay_) : active.gradients;
  at::_foreach_mul_(active.first, momentum);
  at::_foreach_add_(active.first, gradients);
  const auto nesterov = at::_foreach_add(gradients, active.first, momentum);
  at::_foreach_add_(active.parameters, nesterov, -rate);
}

void Optimizer::step_adam(Group& group, double rate, double beta) {
  Active active = active_of(group);
  if (active.parameters.empty()) return;
  if (group.decay) at::_foreach_mul_(active.parameters, 1 - rate * weight_decay_);
  at::_foreach_mul_(active.first, beta);
  at::_foreach_add_(active.first, active.gradients, 1 - beta);
  at::_foreach_mul_(active.second, kSecondBeta);
  at::_foreach_addcmul_(active.second, active.gradients, active.gradients, 1 - kSecondBeta);
  const double first_share = 1 - std::pow(beta, steps_), second_share = 1 - std::pow(kSecondBeta, steps_);
  auto scale = at::_foreach_sqrt(active.second);
  at::_foreach_div_(scale, std::sqrt(second_share));
  at::_foreach_add_(scale, kEpsilon);
  at::_foreach_addcdiv_(active.parameters, active.first, scale, -rate / first_share);
}

void Optimizer::zero_grad() {
  for (auto& parameter : all_) parameter.mutable_grad().reset();
}

double Optimizer::clip(double most) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> gradients;
  for (const auto& parameter : all_) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  if (gradients.empty()) return 0;
  const double norm = torch::stack(at::_foreach_norm(gradients)).norm().item<double>();
  if (norm > most) at::_foreach_mul_(gradients, most / (norm + 1e-6));
  return norm;
}

std::map<std::string, torch::Tensor> Optimizer::state() const {
  std::map<std::string, torch::Tensor> tensors;
  for (const auto& group : groups_) {
    for (std::size_t i = 0; i < group.names.size(); ++i) {
      tensors[(kind_ == OptimizerKind::kSgd ? "momentum." : "first.") + group.names[i]] = group.first[i];
      if (kind_ == OptimizerKind::kAdamW) tensors["second." + group.names[i]] = group.second[i];
    }
  }
  return tensors;
}

}  // namespace goshawk::train
