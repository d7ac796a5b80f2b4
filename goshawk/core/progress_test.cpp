#include "goshawk/core/progress.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "goshawk/core/text.h"

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

TEST(Progress, KeepsToOneLineOfTheTerminal) {
  int leader = -1, terminal = -1;
  winsize size{};
  size.ws_col = 40;
  ASSERT_EQ(::openpty(&leader, &terminal, nullptr, nullptr, &size), 0);
  std::FILE* out = ::fdopen(terminal, "w");
  Progress("fp32 and int8, openvino", 100, "pictures", out, 0s).update(50, "a note that has no room any more");
  std::string text(1000, '\0');
  const auto count = ::read(leader, text.data(), text.size());
  std::fclose(out);
  ::close(leader);
  ASSERT_GT(count, 0);
  text.resize(static_cast<std::size_t>(count));
  std::size_t lines = 0;
  for (std::size_t at = 0; (at = text.find('\r', at)) != text.npos; ++lines) {
    const auto end = text.find("\x1b[K", ++at);
    if (end == text.npos) continue;  // the terminal's own, behind a line's end
    EXPECT_LE(columns_of(std::string_view(text).substr(at, end - at)), 39U) << text;
  }
  EXPECT_GE(lines, 2U) << text;
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
