#include "goshawk/dataset/safe_path.h"

#include <gtest/gtest.h>

namespace goshawk::dataset {
namespace {

TEST(SafePath, KeepsWhatStaysBelow) {
  EXPECT_EQ(safe_relative_path("a.jpg"), "a.jpg");
  EXPECT_EQ(safe_relative_path("./a//b/./c d.jpg"), "a/b/c d.jpg");
  EXPECT_EQ(safe_relative_path("images\\train\\a.jpg"), "images/train/a.jpg");
  EXPECT_EQ(safe_relative_path("..a/b..jpg/..."), "..a/b..jpg/...");
  EXPECT_EQ(safe_relative_path("1:2.jpg"), "1:2.jpg") << "no drive letter";
}

TEST(SafePath, RefusesWhatLeadsOut) {
  using namespace std::string_view_literals;
  for (const auto text : {""sv, "."sv, "/"sv, "/etc/passwd"sv, "\\\\host\\share"sv, "../x"sv, "a/../../x"sv, "a/.."sv,
                          "a\\..\\..\\x"sv, "C:\\x"sv, "c:x"sv, "a\0b"sv, "a\nb"sv, "a\x7F"sv}) {
    EXPECT_EQ(safe_relative_path(text), std::nullopt) << text;
  }
  EXPECT_EQ(safe_relative_path(std::string(256, 'a')), std::nullopt);
  EXPECT_EQ(safe_relative_path(std::string(255, 'a')), std::string(255, 'a'));
  std::string longest;
  for (int i = 0; i < 3000; ++i) longest += "a/";
  EXPECT_EQ(safe_relative_path(longest), std::nullopt);
}

TEST(SafePath, NamesAndStems) {
  EXPECT_EQ(file_name_of("a/b\\c.jpg"), "c.jpg");
  EXPECT_EQ(file_name_of("a/.."), "");
  EXPECT_EQ(without_extension("a.b/c"), "a.b/c");
  EXPECT_EQ(without_extension("a/c.d.jpg"), "a/c.d");
  EXPECT_EQ(without_extension("a/.jpg"), "a/.jpg");
}

}  // namespace
}  // namespace goshawk::dataset
