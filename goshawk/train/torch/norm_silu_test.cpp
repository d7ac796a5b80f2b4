#include "goshawk/train/torch/norm_silu.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace goshawk::train {
namespace {

using torch::Tensor;

/// What a step gives: result, gradients of input, weight and bias, running statistics.
struct Step {
  Tensor y, x, weight, bias, mean, variance;
};

torch::nn::BatchNorm2d norm_of(int channels) {
  torch::manual_seed(1);
  torch::nn::BatchNorm2d norm(torch::nn::BatchNorm2dOptions(channels).eps(1e-3).momentum(0.03));
  const torch::NoGradGuard no_grad;
  norm->weight.uniform_(0.5, 1.5), norm->bias.uniform_(-1, 1), norm->running_mean.uniform_(-1, 1);
  return norm;
}

template <typename Forward>
Step step_of(const Tensor& input, const Tensor& dy, torch::ScalarType type, Forward forward) {
  auto norm = norm_of(static_cast<int>(input.size(1)));
  Tensor x = input.detach().to(type).clone().contiguous(torch::MemoryFormat::ChannelsLast).requires_grad_(true);
  const Tensor y = forward(norm, x);
  y.backward(dy.to(type));
  return {y.detach(), x.grad(), norm->weight.grad(), norm->bias.grad(), norm->running_mean, norm->running_var};
}

Tensor plain(torch::nn::BatchNorm2d& norm, const Tensor& x) { return torch::silu(norm(x)); }
Tensor fast(torch::nn::BatchNorm2d& norm, const Tensor& x) { return norm_silu(*norm, x); }

double distance(const Tensor& a, const Tensor& b) {
  return ((a.to(torch::kFloat64) - b.to(torch::kFloat64)).abs().max() / b.to(torch::kFloat64).abs().max()).item<double>();
}

void expect_close(const Step& a, const Step& b, double tolerance) {
  EXPECT_LT(distance(a.y, b.y), tolerance);
  EXPECT_LT(distance(a.x, b.x), tolerance);
  EXPECT_LT(distance(a.weight, b.weight), tolerance);
  EXPECT_LT(distance(a.bias, b.bias), tolerance);
  EXPECT_LT(distance(a.mean, b.mean), 1e-5);
  EXPECT_LT(distance(a.variance, b.variance), 1e-5);
}

class NormSilu : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { torch::manual_seed(3); }  // LibTorch draws its first seed anew in each process
};

TEST_P(NormSilu, EqualsThePlainChainInDoublePrecision) {
  const int channels = GetParam();
  // Far from zero, where a plain sum of squares would lose the variance.
  const Tensor x = torch::randn({3, channels, 9, 7}) * 3 + 20, dy = torch::randn_like(x);
  expect_close(step_of(x, dy, torch::kFloat32, fast), step_of(x, dy, torch::kFloat32, plain), 2e-5);
}

TEST_P(NormSilu, InBFloat16IsAsNearToFloatAsThePlainChain) {
  const int channels = GetParam();
  const Tensor x = (torch::randn({3, channels, 9, 7}) * 2 + 1).to(torch::kBFloat16).to(torch::kFloat32);
  const Tensor dy = torch::randn_like(x).to(torch::kBFloat16).to(torch::kFloat32);
  expect_close(step_of(x, dy, torch::kBFloat16, fast), step_of(x, dy, torch::kFloat32, plain), 6e-3);
}

INSTANTIATE_TEST_SUITE_P(Channels, NormSilu, testing::Values(1, 3, 16, 24, 80, 256, 300));

TEST(NormSilu, TakesGradientsThatAreSomeChannelsOfALargerMap) {
  const auto through = [](auto forward) {
    auto norm = norm_of(16);
    torch::manual_seed(2);
    Tensor x = torch::randn({2, 16, 6, 6}).contiguous(torch::MemoryFormat::ChannelsLast).requires_grad_(true);
    const Tensor other = torch::randn({2, 8, 6, 6}).contiguous(torch::MemoryFormat::ChannelsLast);
    const Tensor all = torch::cat({other, forward(norm, x), other}, 1);
    (all * torch::arange(all.numel()).view_as(all).remainder(7)).sum().backward();
    return x.grad();
  };
  EXPECT_LT(distance(through(fast), through(plain)), 2e-5);
}

TEST(NormSilu, IsThePlainChainOutsideOfTraining) {
  auto norm = norm_of(8);
  norm->eval();
  torch::manual_seed(5);
  const Tensor x = torch::randn({1, 8, 4, 4});
  EXPECT_TRUE(torch::equal(norm_silu(*norm, x), torch::silu(norm(x))));
}

TEST(NormSilu, GivesTheSameBitsEachTime) {
  torch::manual_seed(4);
  const Tensor x = torch::randn({2, 32, 40, 40}), dy = torch::randn_like(x);
  const auto a = step_of(x, dy, torch::kBFloat16, fast), b = step_of(x, dy, torch::kBFloat16, fast);
  EXPECT_TRUE(torch::equal(a.x, b.x) && torch::equal(a.weight, b.weight) && torch::equal(a.y, b.y));
}

}  // namespace
}  // namespace goshawk::train
