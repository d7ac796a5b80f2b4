#include "goshawk/core/memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace goshawk {
namespace {

TEST(AvailableMemory, IsSomethingAndNoMoreThanThereIs) {
  const auto all =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
  EXPECT_GT(available_memory(), 0U);
  EXPECT_LE(available_memory(), all);
}

}  // namespace
}  // namespace goshawk
