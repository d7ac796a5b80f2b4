#include "goshawk/core/processor.h"

#include <gtest/gtest.h>

#include <string>

namespace goshawk {
namespace {

using Features = std::set<std::string>;

TEST(Processor, FeaturesAreThoseOfTheFirstOne) {
  const std::string first = "processor\t: 0\nmodel name\t: AMD amx_bf16\nflags\t\t: fpu avx2\nbugs\t\t: amx_int8\n\n";
  EXPECT_EQ(processor_features(first + "processor\t: 1\nflags\t\t: fpu avx512f\n"), (Features{"fpu", "avx2"}));
  EXPECT_EQ(processor_features("processor\t: 0\nFeatures\t: fp asimd\n"), Features{});
  EXPECT_EQ(processor_features(""), Features{});
}

TEST(Processor, OwnFeaturesAreThoseThatTheCompilerFinds) {
#if defined(__x86_64__)
  EXPECT_EQ(processor_features().contains("avx2"), __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(processor_features().contains("avx512f"), __builtin_cpu_supports("avx512f") != 0);
#endif
  EXPECT_EQ(bfloat16_is_fast(), processor_features().contains("amx_bf16"));
}

}  // namespace
}  // namespace goshawk
