// The lossless graph passes: a graph that the bytes describe gives the same outputs before and after, bit by bit.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "goshawk/optimize/simplify.h"
#include "goshawk/optimize/testing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace goshawk::optimize;  // NOLINT: the one thing under test
  if (size > 200) return -1;
  auto model = testing::graph_of(std::vector<std::uint8_t>(data, data + size), true);
  const auto expected = testing::outputs_of(model, 1, false);
  simplify(model);
  if (testing::outputs_of(model, 1, false) != expected) std::abort();
  return 0;
}
