#include "goshawk/core/base64.h"

#include <gtest/gtest.h>

#include <vector>

namespace goshawk {
namespace {

TEST(Base64, HasTheValuesOfTheStandard) {
  // RFC 4648, section 10.
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foo"), "Zm9v");
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64("\xFF\xFE"), "//4=");
}

TEST(Base64, ComesBackOrIsRefused) {
  for (std::size_t size = 0; size < 20; ++size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(i * 37 + 200);
    std::vector<std::uint8_t> back(size);
    ASSERT_TRUE(from_base64(to_base64(bytes), back)) << size;
    EXPECT_EQ(std::string(back.begin(), back.end()), bytes);
  }
  std::vector<std::uint8_t> three(3), two(2);
  EXPECT_FALSE(from_base64("Zm9", three));
  EXPECT_FALSE(from_base64("Zm9*", three));
  EXPECT_FALSE(from_base64("Z===", two));
  EXPECT_FALSE(from_base64("Zm9vYmFy", three));
}

}  // namespace
}  // namespace goshawk
