#include "goshawk/optimize/saturation.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace goshawk::optimize {
namespace {

TEST(Saturation, ProductsSaturateWithAvxAndNeitherVnniNorAmx) {
  using Features = std::set<std::string>;
  for (const auto& features : {Features{"avx", "avx2", "fma"}, {"avx2", "avx512f", "avx512bw", "avx512_bf16"}})
    EXPECT_TRUE(products_saturate(features));
  for (const auto& features :
       {Features{"avx"}, {"avx2", "avx_vnni"}, {"avx2", "avx512f", "avx512_vnni"}, {"avx2", "amx_int8"}, {}})
    EXPECT_FALSE(products_saturate(features));
}

TEST(Saturation, WeightsForGpusHaveEightBits) { EXPECT_FALSE(needs_narrow_weights(runtime::DeviceKind::kTensorRt)); }

}  // namespace
}  // namespace goshawk::optimize
