#include "goshawk/optimize/saturation.h"

#include <gtest/gtest.h>

#include <string>

namespace goshawk::optimize {
namespace {

bool saturates_with(const std::string& flags) {
  return products_saturate("processor\t: 0\nmodel name\t: AMD avx_vnni\nflags\t\t: fpu sse4_1 " + flags +
                           "\nbugs\t\t: amx_int8\n\nprocessor\t: 1\n");
}

TEST(Saturation, ProductsSaturateWithAvxAndNeitherVnniNorAmx) {
  for (const std::string flags : {"avx avx2 fma", "avx2 avx512f avx512bw avx512_bf16"}) EXPECT_TRUE(saturates_with(flags));
  for (const std::string flags : {"avx", "avx2 avx_vnni", "avx2 avx512f avx512_vnni avx512bw", "avx2 amx_int8"})
    EXPECT_FALSE(saturates_with(flags)) << flags;
  EXPECT_FALSE(products_saturate("processor\t: 0\nFeatures\t: fp asimd\n"));
  EXPECT_FALSE(products_saturate(""));
}

TEST(Saturation, WeightsForGpusHaveEightBits) { EXPECT_FALSE(needs_narrow_weights(runtime::DeviceKind::kTensorRt)); }

}  // namespace
}  // namespace goshawk::optimize
