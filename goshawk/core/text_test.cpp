#include "goshawk/core/text.h"

#include <gtest/gtest.h>

namespace goshawk {
namespace {

const std::vector<std::string> kFlags{"conf", "model", "device", "tracker"};

TEST(ClosestMatch, FindsASwapAMissingLetterAndNothingForOtherWords) {
  EXPECT_EQ(closest_match("modle", kFlags), "model");
  EXPECT_EQ(closest_match("devic", kFlags), "device");
  EXPECT_EQ(closest_match("zebra", kFlags), std::nullopt);
  EXPECT_EQ(did_you_mean("traker", kFlags), "; did you mean 'tracker'?");
}

TEST(ToLower, ChangesAsciiLettersOnly) { EXPECT_EQ(to_lower("Ab@[`Z9É\xC0"), "ab@[`z9É\xC0"); }

TEST(Table, AlignsNumbersRightAndCountsCodePoints) {
  Table table({"class", "n"});
  table.add_row({"vélo", "7"});
  table.add_row({"person", "12"});
  EXPECT_EQ(table.str(), "class    n\n──────  ──\nvélo     7\nperson  12\n");
}

TEST(Text, FieldsOfCsvAreQuotedWhereTheyMustBe) {
  EXPECT_EQ(csv_field("traffic light"), "traffic light");
  EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_field("say \"x\"\n"), "\"say \"\"x\"\"\n\"");
}

TEST(Text, FiguresHaveThreeDecimalsOrADash) {
  EXPECT_EQ(figure(0.51749), "0.517");
  EXPECT_EQ(figure(-1), "-");
}

}  // namespace
}  // namespace goshawk
