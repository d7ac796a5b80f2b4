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

}  // namespace
}  // namespace goshawk::train
