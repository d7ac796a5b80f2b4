#include "goshawk/train/torch/weights.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "goshawk/core/testing.h"
#include "goshawk/train/safetensors.h"

namespace goshawk::train {
namespace {

torch::Tensor named(const DetectionNetwork& network, const std::string& name) { return network.named_parameters()[name]; }

TEST(TakeCheckpoint, WeightsMayBeInHalfPrecision) {
  const std::string name = "model.0.conv.weight";
  for (const auto& [type, scalar] :
       {std::pair{StoredType::kFloat16, torch::kFloat16}, std::pair{StoredType::kBFloat16, torch::kBFloat16},
        std::pair{StoredType::kFloat64, torch::kFloat64}}) {
    DetectionNetwork network(load_network("goshawk-n", 3));
    const auto given = torch::randn(named(network, name).sizes()).to(scalar);
    StoredTensors content;
    content.tensors[name] = {type, given.sizes().vec(), {static_cast<const char*>(given.const_data_ptr()), given.nbytes()}};
    const TemporaryFolder folder;
    write_safetensors(folder / "weights.safetensors", content);
    EXPECT_EQ(take_checkpoint(network, folder / "weights.safetensors").tensors, 1);
    EXPECT_TRUE(torch::equal(named(network, name), given.to(torch::kFloat32)));
  }
}

TEST(MoveTowards, GivesTheMeanOfWeightsAndStatistics) {
  const std::string weight = "model.0.conv.weight", mean = "model.0.bn.running_mean";
  DetectionNetwork a(load_network("goshawk-n", 3)), b(load_network("goshawk-n", 3));
  const torch::NoGradGuard no_grad;
  a.named_buffers()[mean].fill_(1), b.named_buffers()[mean].fill_(5);
  const auto expected = (named(a, weight) + named(b, weight)) / 2;
  ASSERT_FALSE(torch::allclose(named(a, weight), named(b, weight)));
  const auto before = named(b, weight).clone();
  move_towards(a, b, 0.5);
  EXPECT_TRUE(torch::allclose(named(a, weight), expected, 1e-5, 1e-7));
  EXPECT_FLOAT_EQ(a.named_buffers()[mean][0].item<float>(), 3);
  EXPECT_TRUE(torch::equal(named(b, weight), before));
}

}  // namespace
}  // namespace goshawk::train
