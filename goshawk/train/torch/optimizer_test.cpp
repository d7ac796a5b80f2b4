#include "goshawk/train/torch/optimizer.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace goshawk::train {
namespace {

/// A network of two layers with a norm between: parameters of all three groups.
torch::nn::Sequential small() {
  torch::manual_seed(2);
  return torch::nn::Sequential(torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 4, 3)), torch::nn::BatchNorm2d(4),
                               torch::nn::Conv2d(torch::nn::Conv2dOptions(4, 2, 1)));
}

void backward(torch::nn::Sequential& net, int step) {
  torch::manual_seed(100 + step);
  net->forward(torch::randn({2, 3, 6, 6})).square().sum().backward();
}

double difference(torch::nn::Sequential& a, torch::nn::Sequential& b) {
  double most = 0;
  const auto p = a->parameters(), q = b->parameters();
  for (std::size_t i = 0; i < p.size(); ++i) most = std::max(most, (p[i] - q[i]).abs().max().item<double>());
  return most;
}

/// torch's own groups for the same network.
template <typename Options>
std::vector<torch::optim::OptimizerParamGroup> groups(torch::nn::Sequential& net, Options options, double decay) {
  std::vector<torch::Tensor> weights, others;
  for (const auto& item : net->named_parameters()) (item.value().dim() > 1 ? weights : others).push_back(item.value());
  auto with_decay = std::make_unique<Options>(options), without = std::make_unique<Options>(options);
  with_decay->weight_decay(decay);
  without->weight_decay(0);
  std::vector<torch::optim::OptimizerParamGroup> result;
  result.emplace_back(weights, std::move(with_decay));
  result.emplace_back(others, std::move(without));
  return result;
}

template <typename Reference>
void expect_same_steps(OptimizerKind kind, Reference make_reference) {
  auto ours = small(), theirs = small();
  Optimizer optimizer(*ours, kind, 0.01);
  auto reference = make_reference(theirs);
  for (int step = 0; step < 20; ++step) {
    optimizer.zero_grad();
    reference->zero_grad();
    backward(ours, step);
    backward(theirs, step);
    optimizer.step({1e-3, 1e-3, 0.9});
    reference->step();
    ASSERT_LT(difference(ours, theirs), 1e-5) << step;
  }
}

TEST(Optimizer, SgdAgreesWithTorch) {
  expect_same_steps(OptimizerKind::kSgd, [](auto& net) {
    return std::make_unique<torch::optim::SGD>(
        groups(net, torch::optim::SGDOptions(1e-3).momentum(0.9).nesterov(true), 0.01), torch::optim::SGDOptions(1e-3));
  });
}

TEST(Optimizer, AdamWAgreesWithTorch) {
  expect_same_steps(OptimizerKind::kAdamW, [](auto& net) {
    return std::make_unique<torch::optim::AdamW>(groups(net, torch::optim::AdamWOptions(1e-3).betas({0.9, 0.999}), 0.01),
                                                 torch::optim::AdamWOptions(1e-3));
  });
}

TEST(Optimizer, GoesOnFromItsStateAsIfUnbroken) {
  for (const auto kind : {OptimizerKind::kSgd, OptimizerKind::kAdamW}) {
    auto whole = small(), broken = small();
    Optimizer one(*whole, kind, 0.01);
    auto two = std::make_unique<Optimizer>(*broken, kind, 0.01);
    for (int step = 0; step < 10; ++step) {
      if (step == 5) {
        std::map<std::string, torch::Tensor> state;
        for (const auto& [name, tensor] : two->state()) state[name] = tensor.clone();
        const auto steps = two->steps();
        two = std::make_unique<Optimizer>(*broken, kind, 0.01);
        const torch::NoGradGuard no_grad;
        for (auto& [name, tensor] : two->state()) tensor.copy_(state.at(name));
        two->set_steps(steps);
      }
      one.zero_grad();
      two->zero_grad();
      backward(whole, step);
      backward(broken, step);
      one.step({1e-2, 2e-2, 0.9});
      two->step({1e-2, 2e-2, 0.9});
    }
    EXPECT_EQ(difference(whole, broken), 0);
  }
}

TEST(Optimizer, ClipsToTheNorm) {
  auto net = small();
  Optimizer optimizer(*net, OptimizerKind::kSgd, 0);
  backward(net, 0);
  const double norm = optimizer.clip(0.5);
  EXPECT_GT(norm, 0.5);
  EXPECT_NEAR(optimizer.clip(1e9), 0.5, 1e-4);
}

}  // namespace
}  // namespace goshawk::train
