#include "goshawk/core/activity.h"

#include <gtest/gtest.h>

#include <string>

namespace goshawk {
namespace {

using namespace std::chrono_literals;

std::string told(std::chrono::milliseconds quiet, std::chrono::milliseconds work) {
  std::FILE* file = std::tmpfile();
  {
    const Activity activity("reading x", file, quiet);
    std::this_thread::sleep_for(work);
  }
  std::rewind(file);
  std::string text(1000, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

TEST(Activity, SaysNothingOfAShortStepAndEndsWithIt) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(told(1h, 0ms), "");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST(Activity, TellsOfALongStepOnALineOfItsOwn) { EXPECT_EQ(told(1ms, 300ms), "reading x  0:00\n"); }

}  // namespace
}  // namespace goshawk
