#include "goshawk/core/progress.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

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

std::string first_line(std::int64_t done) {
  std::FILE* file = std::tmpfile();
  Progress("work", 10, "frames", file, 0s).update(done);
  std::rewind(file);
  std::string text(200, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

TEST(Progress, WhatHasNotBegunPromisesNoEnd) {
  EXPECT_EQ(first_line(0).find("left"), std::string::npos) << first_line(0);
  EXPECT_NE(first_line(5).find("left"), std::string::npos) << first_line(5);
}

}  // namespace
}  // namespace goshawk
