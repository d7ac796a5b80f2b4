#include "goshawk/core/progress.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace goshawk {
namespace {

using namespace std::chrono_literals;

TEST(Progress, AFullDiskDoesNotEndTheWork) {
  std::FILE* full = std::fopen("/dev/full", "w");
  if (full == nullptr) GTEST_SKIP() << "no /dev/full";
  std::setvbuf(full, nullptr, _IONBF, 0);
  Progress progress("work", 10, "frames", full, 0s);
  EXPECT_NO_THROW(progress.update(1));
  EXPECT_NO_THROW(progress.update(2));
  progress.finish();
  EXPECT_NE(std::ferror(full), 0);  // something was written, and failed
  std::fclose(full);
}

}  // namespace
}  // namespace goshawk
