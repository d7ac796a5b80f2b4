#include "goshawk/train/torch/peers.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <functional>
#include <limits>
#include <thread>

#include "goshawk/core/error.h"
#include "goshawk/core/processor.h"
#include "goshawk/core/testing.h"
#include "goshawk/train/torch/compute.h"
#include "goshawk/train/torch/sync_norm.h"

namespace goshawk::train {
namespace {

using torch::Tensor;

/// Runs `work` as each of `count` peers, in a thread each, over this machine's loopback.
void as_peers(int count, const std::function<void(Peers&)>& work) {
  const int port = free_port();
  std::vector<std::thread> threads;
  for (int rank = 0; rank < count; ++rank) {
    threads.emplace_back([&, rank] {
      Peers peers({rank, count, rank, count, "127.0.0.1", port}, torch::kCPU);
      work(peers);
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(Peers, AddUpTensorsOfAnyLayout) {
  as_peers(3, [](Peers& peers) {
    const Tensor plain = torch::full({2, 3}, peers.rank() + 1.0);
    const Tensor strided =
        torch::arange(24, torch::kFloat32).view({1, 2, 3, 4}).contiguous(torch::MemoryFormat::ChannelsLast);
    const Tensor expected = strided * 3;
    peers.sum({plain, strided});
    EXPECT_TRUE(torch::equal(plain, torch::full({2, 3}, 6.0)));
    EXPECT_TRUE(torch::equal(strided, expected));
    EXPECT_EQ(peers.sum(std::vector<double>{1, 0.25 * peers.rank()}), (std::vector<double>{3, 0.75}));
    EXPECT_TRUE(peers.any(peers.rank() == 2));
    EXPECT_FALSE(peers.any(false));
  });
}

TEST(Peers, TellWhatTheFirstKnows) {
  as_peers(2, [](Peers& peers) {
    EXPECT_EQ(peers.of_first(std::string(peers.first() ? "runs/train/a" : "")), "runs/train/a");
    EXPECT_EQ(peers.of_first(std::string()), "");
    EXPECT_EQ(peers.of_first(std::vector<double>{peers.first() ? 7.5 : 0.0}), std::vector<double>{7.5});
  });
}

TEST(Peers, AloneNeedNobody) {
  Peers peers;
  EXPECT_TRUE(peers.alone() && peers.first());
  EXPECT_EQ(peers.sum(2.5), 2.5);
  EXPECT_EQ(peers.of_first(std::string("x")), "x");
}

TEST(Peers, OneThatHasGoneIsAnError) {
  as_peers(2, [](Peers& peers) {
    if (peers.rank() == 1) return;
    EXPECT_NE(text_of_error([&] { peers.sum(1.0); }, ErrorCode::kUnavailable).find("has ended"), std::string::npos);
  });
}

/// What torch's own batch norm gives for the whole batch, and the gradients.
struct Normed {
  Tensor output, for_x, for_weight, for_bias, mean, variance;
};

template <typename Norm>
Normed run(Norm& norm, const Tensor& x, const Tensor& gradient) {
  const Tensor input = x.clone().requires_grad_();
  const Tensor output = norm.forward(input);
  output.backward(gradient);
  return {output.detach(), input.grad(), norm.weight.grad(), norm.bias.grad(), norm.running_mean, norm.running_var};
}

void expect_near(const Tensor& given, const Tensor& expected, const char* what) {
  EXPECT_LT((given - expected).abs().max().item<double>(), 2e-5) << what;
}

/// Parts of one batch of 5 in two processes; the second may be empty.
void expect_as_one(int images_of_first) {
  torch::manual_seed(4);
  const auto options = torch::nn::BatchNormOptions(3).eps(1e-3).momentum(0.03);
  const Tensor x = torch::randn({5, 3, 7, 4}) * 3 + 100, gradient = torch::randn({5, 3, 7, 4});
  torch::nn::BatchNorm2dImpl one(options);
  const Tensor weight = torch::rand({3}) + 0.5;
  {
    const torch::NoGradGuard no_grad;
    one.weight.copy_(weight);
  }
  const Normed expected = run(one, x, gradient);
  as_peers(2, [&](Peers& peers) {
    const auto begin = peers.first() ? 0 : images_of_first, end = peers.first() ? images_of_first : 5;
    NormLayer norm(options);
    {
      const torch::NoGradGuard no_grad;
      norm.weight.copy_(weight);
    }
    norm.share(&peers);
    const Normed given = run(norm, x.slice(0, begin, end), gradient.slice(0, begin, end));
    if (begin < end) {
      expect_near(given.output, expected.output.slice(0, begin, end), "output");
      expect_near(given.for_x, expected.for_x.slice(0, begin, end), "gradient of the input");
    }
    peers.sum({given.for_weight, given.for_bias});
    expect_near(given.for_weight / 10, expected.for_weight / 10, "gradient of the weight");
    expect_near(given.for_bias / 10, expected.for_bias / 10, "gradient of the bias");
    expect_near(given.mean, expected.mean, "running mean");
    expect_near(given.variance, expected.variance, "running variance");
  });
}

TEST(NormLayer, SharedStatisticsAreThoseOfTheWholeBatch) {
  expect_as_one(3);
  expect_as_one(5);
}

TEST(NormLayer, AloneAndOutsideOfTrainingItIsTorchs) {
  const auto options = torch::nn::BatchNormOptions(2);
  NormLayer norm(options);
  torch::nn::BatchNorm2dImpl plain(options);
  const Tensor x = torch::randn({2, 2, 3, 3});
  EXPECT_TRUE(torch::equal(norm.forward(x), plain.forward(x)));
  Peers peers;
  norm.share(&peers);
  norm.eval();
  plain.eval();
  EXPECT_TRUE(torch::equal(norm.forward(x), plain.forward(x)));
}

TEST(LossScaler, LeavesOutStepsThatOverflowAndGoesOnWithHalfTheScale) {
  Tensor weight = torch::ones({2}).requires_grad_();
  LossScaler scaler({torch::kCPU, torch::kFloat16});
  EXPECT_EQ(scaler.scale(), 65536);
  scaler.scaled((weight * 3).sum()).backward();
  ASSERT_TRUE(scaler.unscale({weight}));
  EXPECT_TRUE(torch::equal(weight.grad(), torch::full({2}, 3.0)));
  weight.mutable_grad()[1] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(scaler.unscale({weight}));
  EXPECT_EQ(scaler.scale(), 32768);
  weight.mutable_grad().zero_();
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(scaler.unscale({weight}));
  EXPECT_EQ(scaler.scale(), 65536);
}

TEST(LossScaler, GradientsThatAreNoNumbersWithAnyScaleAreNotLeftOutForEver) {
  Tensor weight = torch::ones({1}).requires_grad_();
  weight.mutable_grad() = torch::full({1}, std::numeric_limits<float>::quiet_NaN());
  LossScaler scaler({torch::kCPU, torch::kFloat16});
  for (int i = 0; i < 16; ++i) ASSERT_FALSE(scaler.unscale({weight}));
  EXPECT_EQ(scaler.scale(), 1);
  EXPECT_TRUE(scaler.unscale({weight})) << "whoever looks at the gradients' norm finds it";
}

TEST(LossScaler, DoesNothingInOtherTypes) {
  Tensor weight = torch::ones({1}).requires_grad_();
  LossScaler scaler({torch::kCPU, torch::kBFloat16});
  scaler.scaled(weight.sum()).backward();
  EXPECT_TRUE(scaler.unscale({weight}));
  EXPECT_EQ(weight.grad().item<float>(), 1);
}

TEST(Compute, KnowsItsDevices) {
  EXPECT_EQ(choose_device("cpu", 0), torch::Device(torch::kCPU));
  EXPECT_EQ(code_of([] { choose_device("gpu", 0); }), ErrorCode::kUsage);
  if (choose_device("auto", 0).is_cpu()) {
    EXPECT_EQ(code_of([] { choose_device("cuda", 0); }), ErrorCode::kUnavailable);
  }
  TrainOptions options;
  EXPECT_EQ(compute_of(options, torch::Device("cuda:0")).half, torch::kFloat16);
  options.half = "bfloat16";
  EXPECT_EQ(compute_of(options, torch::kCPU).half, torch::kBFloat16);
  EXPECT_EQ(compute_of(options, torch::Device("cuda:0")).half, torch::kBFloat16);
  options.amp = false;
  EXPECT_FALSE(compute_of(options, torch::Device("cuda:0")).half);
}

TEST(Compute, IsInBFloat16ByItselfOnlyWhereThatIsFast) {
  const Compute compute = compute_of(TrainOptions{}, torch::kCPU);
  EXPECT_EQ(compute.half == torch::kBFloat16, bfloat16_is_fast());
  EXPECT_EQ(numbers_of(compute), bfloat16_is_fast() ? "bfloat16" : "float32");
}

TEST(FittingBatch, IsAPowerOfTwoThatFallsWithTheSize) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer keeps what is freed: what a step takes cannot be measured";
#endif
  const Network network = load_network("goshawk-n", 2);
  const int small = fitting_batch(network, 64, {torch::kCPU, std::nullopt}, 1, 1 << 20);
  const int large = fitting_batch(network, 256, {torch::kCPU, std::nullopt}, 1, 1 << 20);
  EXPECT_EQ(small & (small - 1), 0);
  EXPECT_GT(small, large);
  EXPECT_GE(large, 1);
  EXPECT_EQ(fitting_batch(network, 64, {torch::kCPU, std::nullopt}, 1, 5), 4);
}

}  // namespace
}  // namespace goshawk::train
