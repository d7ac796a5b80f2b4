// How much memory there is left.
#pragma once

#include <cstdint>

namespace goshawk {

/// Bytes that this process could still use without swapping: what the system and its control group (v1, v2) leave. 0 where
/// that is not known.
std::uint64_t available_memory();

}  // namespace goshawk
