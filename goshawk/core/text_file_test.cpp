#include "goshawk/core/text_file.h"

#include <gtest/gtest.h>

#include "goshawk/core/error.h"
#include "goshawk/core/testing.h"

namespace goshawk {
namespace {

TEST(TextFile, IsGivenWithoutItsMark) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_utf8_file(folder.write("a.txt",
                                        "\xEF\xBB\xBF"
                                        "caf\xC3\xA9\n"),
                           100),
            "caf\xC3\xA9\n");
  EXPECT_EQ(read_utf8_file(folder.write("empty.txt", ""), 100), "");
}

TEST(TextFile, InAnotherEncodingIsAnErrorWithItsLine) {
  const TemporaryFolder folder;
  for (const auto& text :
       {std::string("cat\ncaf\xE9\n"), std::string("cat\nd\0o\0g\0\n", 11), std::string("cat\n\xED\xA0\x80\n")}) {
    try {
      read_utf8_file(folder.write("a.txt", text), 100);
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadData);
      EXPECT_TRUE(error.where().ends_with("a.txt:2")) << error.where();
    }
  }
}

TEST(LinesIn, HaveNoBlanksAtTheirEnds) {
  EXPECT_EQ(lines_in("a b \t\r\n\n c\n\n\n"), (std::vector<std::string>{"a b", "", " c"}));
  EXPECT_TRUE(lines_in("\n \n").empty());
  EXPECT_EQ(lines_in("end"), std::vector<std::string>{"end"});
}

}  // namespace
}  // namespace goshawk
