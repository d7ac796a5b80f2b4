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

TEST(AllDigits, NeedsOneAndTakesNoOther) {
  EXPECT_TRUE(all_digits("0079"));
  for (const char* other : {"", "-1", "1.5", "1a", " 1", "\xB2"}) EXPECT_FALSE(all_digits(other)) << other;
}

TEST(ToLower, ChangesAsciiLettersOnly) { EXPECT_EQ(to_lower("Ab@[`Z9É\xC0"), "ab@[`z9É\xC0"); }

TEST(Text, KnowsHowWideLettersAre) {
  EXPECT_EQ(columns_of("vélo"), 4);
  EXPECT_EQ(columns_of("行人"), 4);
  EXPECT_EQ(columns_of("e\u0301"), 1);  // a letter and a combining accent
  EXPECT_EQ(columns_of("a\xFF"), 2);
}

TEST(Text, IsShortenedToWholeLetters) {
  EXPECT_EQ(shortened("traffic light", 13), "traffic light");
  EXPECT_EQ(shortened("traffic light", 12), "traffic lig…");
  EXPECT_EQ(shortened("行人横断", 6), "行人…");
  EXPECT_EQ(shortened("行人", 1), "…");
}

TEST(Table, ShortensItsFirstColumnToFitTheTerminal) {
  Table table({"class", "objects"});
  table.add_row({"traffic light ahead", "7"});
  EXPECT_EQ(table.str(24), "class            objects\n───────────────  ───────\ntraffic light …        7\n");
  EXPECT_EQ(table.str(5), "class         objects\n────────────  ───────\ntraffic lig…        7\n");
  EXPECT_EQ(table.str(80), table.str());
}

TEST(Table, BreaksTextInItsLastColumnIntoLines) {
  Table table({"model", "result"});
  table.add_row({"street", "the file is not the one that was packed"});
  EXPECT_EQ(
      table.str(34),
      "model   result\n──────  ──────────────────────────\nstreet  the file is not the one\n        that was packed\n");
  EXPECT_EQ(table.str(60), table.str());
  table.add_row({"a", ""});
  EXPECT_EQ(table.str(),
            "model   result\n──────  ───────────────────────────────────────\nstreet  the file is not the one that was "
            "packed\na\n");
}

TEST(Text, IsBrokenAtSpaces) {
  EXPECT_EQ(wrapped("one two three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrapped("a/long/path b", 4), (std::vector<std::string>{"a/long/path", "b"}));
  EXPECT_EQ(wrapped("行人 行人", 8), (std::vector<std::string>{"行人", "行人"}));
  EXPECT_EQ(wrapped("", 8), (std::vector<std::string>{""}));
}

TEST(Table, AlignsNumbersRightAndCountsColumns) {
  Table table({"class", "n"});
  table.add_row({"vélo", "7"});
  table.add_row({"person", "12"});
  EXPECT_EQ(table.str(), "class    n\n──────  ──\nvélo     7\nperson  12\n");
  table.add_row({"行人", "3"});
  EXPECT_EQ(table.str(), "class    n\n──────  ──\nvélo     7\nperson  12\n行人     3\n");
}

TEST(Text, WordsOfTheShellAreQuotedWhereTheyMustBe) {
  EXPECT_EQ(shell_word("models/a-1.onnx"), "models/a-1.onnx");
  EXPECT_EQ(shell_word("my model's.onnx"), "'my model'\\''s.onnx'");
  EXPECT_EQ(shell_word(""), "''");
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
