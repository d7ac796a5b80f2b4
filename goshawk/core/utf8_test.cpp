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

TEST(FindBrokenUtf8, IsTheFirstByteOfNoSequence) {
  EXPECT_EQ(find_broken_utf8("caf\xC3\xA9"), std::string::npos);
  EXPECT_EQ(find_broken_utf8("caf\xC3\xA9\xE9x"), 5U);
}

TEST(AppendUtf8, GivesWhatNextCodePointTakes) {
  for (const std::uint32_t code : {0U, 0x7FU, 0x80U, 0x7FFU, 0x800U, 0xFFFFU, 0x10000U, 0x10FFFFU}) {
    std::string text;
    append_utf8(code, text);
    std::string_view view = text;
    EXPECT_EQ(next_code_point(view), code);
    EXPECT_TRUE(view.empty());
  }
}

TEST(NextCodePoint, TakesOneAfterTheOther) {
  std::string_view text = "a\xC3\x9F\xE2\x82\xAC\xF0\x9F\xA6\x85\xC3x\xE2\x82";
  for (const std::uint32_t code : {0x61U, 0xDFU, 0x20ACU, 0x1F985U, 0xFFFDU, 0x78U, 0xFFFDU, 0xFFFDU}) {
    ASSERT_FALSE(text.empty());
    EXPECT_EQ(next_code_point(text), code);
  }
  EXPECT_TRUE(text.empty());
}

}  // namespace
}  // namespace goshawk
