#include "goshawk/runtime/batch.h"

#include <gtest/gtest.h>

#include "goshawk/core/error.h"
#include "goshawk/runtime/memory.h"
#include "goshawk/runtime/testing.h"

namespace goshawk::runtime {
namespace {

constexpr std::uint64_t kMiB = 1U << 20;

TEST(BatchForMemory, UsesFourFifthsOfWhatIsFree) {
  const auto batch = [](std::uint64_t item, std::uint64_t free, int most) {
    BatchOptions options;
    options.most = most;
    return batch_for_memory({item, free}, options);
  };
  EXPECT_EQ(batch(100 * kMiB, 1000 * kMiB, 64), 8);
  EXPECT_EQ(batch(101 * kMiB, 1000 * kMiB, 64), 7);
  EXPECT_EQ(batch(100 * kMiB, 1000 * kMiB, 4), 4);
  EXPECT_EQ(batch(100 * kMiB, 10 * kMiB, 64), 1) << "one always has to do";
  EXPECT_EQ(batch(0, 10 * kMiB, 64), 64);
  EXPECT_EQ(batch(1, UINT64_MAX, 0), 1);
}

class ChooseBatch : public ::testing::Test {
 protected:
  std::unique_ptr<Session> load(const testing::Graph& graph) {
    SessionOptions options;
    options.device = {DeviceKind::kCpu, 0};
    return Session::load(folder_.write("m.onnx", graph.model()), options);
  }
  testing::TemporaryFolder folder_;
};

TEST_F(ChooseBatch, TakesTheModelsOwnWhenItIsFixed) {
  EXPECT_EQ(choose_batch(*load(testing::convolution(1))), 1);
  EXPECT_EQ(choose_batch(*load(testing::convolution(5))), 5);
}

TEST_F(ChooseBatch, MeasuresModelsWithADynamicBatch) {
  const auto session = load(testing::convolution());
  const auto memory = measure_batch_memory(*session);
  EXPECT_GE(memory.bytes_per_item, (3UL * 9 * 11 + 8UL * 7 * 9) * sizeof(float));
  EXPECT_LT(memory.bytes_per_item, 100 * kMiB);
  EXPECT_GT(memory.free_bytes, kMiB);
  BatchOptions options;
  options.most = 16;
  EXPECT_EQ(choose_batch(*session, options), 16);
}

/// One value out of 16 MiB of activations an item: the estimate has to see the inner tensor.
TEST_F(ChooseBatch, SeesWhatTheModelNeedsInside) {
  testing::Graph graph;
  graph.inputs = {testing::value_info("x", testing::kFloat, {-1, 1, 256, 256})};
  graph.outputs = {testing::value_info("y", testing::kFloat, {-1, 1, 1, 1})};
  graph.initializers = {testing::float_tensor("w", {64, 1, 1, 1}, std::vector<float>(64, 0.5F)),
                        testing::float_tensor("v", {1, 64, 1, 1}, std::vector<float>(64, 0.5F))};
  graph.nodes = {testing::node("Conv", {"x", "w"}, {"wide"}), testing::node("Conv", {"wide", "v"}, {"one"}),
                 testing::node("GlobalAveragePool", {"one"}, {"y"})};
  const auto memory = measure_batch_memory(*load(graph));
  EXPECT_GT(memory.bytes_per_item, 10 * kMiB) << "the inner tensor alone has 16 MiB an item";
  EXPECT_LT(memory.bytes_per_item, 100 * kMiB);
}

TEST_F(ChooseBatch, AsksForASizeWhereTheModelLeavesItOpen) {
  testing::Graph graph = testing::scale_and_shift();
  graph.inputs = {testing::value_info("x", testing::kFloat, {-1, -1})};
  graph.outputs = {testing::value_info("y", testing::kFloat, {-1, -1})};
  const auto session = load(graph);
  EXPECT_THROW(choose_batch(*session), Error);
  BatchOptions options;
  options.shapes = {{1, 1000}};
  EXPECT_EQ(choose_batch(*session, options), 64);
}

TEST(Memory, OfTheProcessIsPlausible) {
  const auto before = process_memory();
  EXPECT_GT(before.resident, kMiB);
  EXPECT_GE(before.peak_resident, before.resident);
  std::vector<char> block(64 * kMiB, 1);
  EXPECT_GT(process_memory().resident, before.resident + 50 * kMiB);
  EXPECT_EQ(block[kMiB], 1);
}

TEST(Memory, WithoutADriverThereAreNoGpus) {
  if (has_nvidia_driver()) GTEST_SKIP() << "this machine has an NVIDIA driver";
  EXPECT_TRUE(gpus().empty());
  EXPECT_FALSE(gpu(0));
}

}  // namespace
}  // namespace goshawk::runtime
