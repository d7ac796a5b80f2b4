// What this machine's processor can do.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace goshawk {

/// Linux's words for it ("avx2", "amx_bf16"; the kernel leaves out what it does not let programs use), of the first
/// processor in `cpuinfo`, the text of /proc/cpuinfo. Empty on other processors than x86.
std::set<std::string> processor_features(std::string_view cpuinfo);

/// Those of this machine, read once. Any thread.
const std::set<std::string>& processor_features();

/// Whether bfloat16 is faster than float32 on this processor: where it multiplies matrices of it in units of their own
/// (AMX). With AVX512-BF16 alone models and training run at 0.7 to 0.8 of float32's speed (docs/decisions/096).
bool bfloat16_is_fast();

}  // namespace goshawk
