#include "goshawk/core/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "goshawk/core/error.h"

namespace goshawk {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string message_of(const std::string& yaml, const DocumentLimits& limits = {}) {
  try {
    parse_yaml(yaml, "file.yaml", limits);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadConfig);
    return error.describe();
  }
  return "no error";
}

TEST(ParseYaml, TypesPlainScalarsAndKeepsQuotedOnesText) {
  const json tree = parse_yaml("a: 1\nb: 2.5\nc: yes\nd: true\ne: '7'\nf: ~\ng: [1, x]\n'9': k\n", "t");
  EXPECT_EQ(tree, json::parse(R"({"a":1,"b":2.5,"c":"yes","d":true,"e":"7","f":null,"g":[1,"x"],"9":"k"})"));
}

TEST(ParseYaml, RoundTripsThroughToYaml) {
  const json tree = json::parse(R"({"text":"12","list":[1,2.5,"a: b"],"map":{"x":true,"none":null},"deep":[{"a":[]}]})");
  EXPECT_EQ(parse_yaml(to_yaml(tree), "t"), tree) << to_yaml(tree);
}

TEST(ParseYaml, NamesTheLineOfASyntaxError) { EXPECT_THAT(message_of("a: 1\nb: [1,\n"), HasSubstr("file.yaml:")); }

TEST(ParseYaml, RefusesDuplicateKeys) { EXPECT_THAT(message_of("a: 1\nb: 2\na: 3\n"), HasSubstr("file.yaml:3")); }

TEST(ParseYaml, RefusesAliasBombs) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
    for (int k = 0; k < 9; ++k) bomb += ", " + last;
    bomb += "]\n";
  }
  EXPECT_THAT(message_of(bomb), HasSubstr("more than"));
}

TEST(ParseYaml, RefusesDeepNestingOfEveryKind) {
  EXPECT_THAT(message_of(std::string(100'000, '[')), HasSubstr("levels deep"));
  std::string dashes;
  for (int i = 0; i < 100'000; ++i) dashes += "- ";
  EXPECT_THAT(message_of(dashes + "x"), HasSubstr("levels deep"));
  std::string indented;
  for (int i = 0; i < 200; ++i) indented += std::string(static_cast<std::size_t>(i), ' ') + "k:\n";
  EXPECT_THAT(message_of(indented + std::string(200, ' ') + "v"), HasSubstr("levels deep"));
}

TEST(ParseJson, RefusesBombsAndNamesTheLine) {
  EXPECT_THROW(parse_json(std::string(1'000'000, '['), "f.json"), Error);
  try {
    parse_json("{\n\"a\": 1,\n oops}", "f.json");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.where(), "f.json:3");
  }
}

TEST(ParseJson, RejectsNumbersThatNoDoubleHolds) { EXPECT_THROW(parse_json("[1e999]", "x"), Error); }

}  // namespace
}  // namespace goshawk
