#include "goshawk/core/utf8.h"

#include <gtest/gtest.h>

namespace goshawk {
namespace {

TEST(ValidUtf8, ReplacesEachByteThatBelongsToNoSequence) {
  for (const std::string text : {"", "conv1", "\xC3\x9F", "\xE2\x82\xAC", "\xF0\x9F\xA6\x85"})
    EXPECT_EQ(valid_utf8(text), text);
  const std::string replaced = "\xEF\xBF\xBD";
  EXPECT_EQ(valid_utf8("conv\xFF"), "conv" + replaced);
  EXPECT_EQ(valid_utf8("\xC3x"), replaced + "x");                         // cut off
  EXPECT_EQ(valid_utf8("\xC0\xAF"), replaced + replaced);                 // overlong
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), replaced + replaced + replaced);  // half of a surrogate pair
}

}  // namespace
}  // namespace goshawk
