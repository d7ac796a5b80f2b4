#include "goshawk/core/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

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

TEST(ToYaml, WritesNumbersShortAndWithTheirType) {
  EXPECT_EQ(to_yaml(json{{"a", 0.15}, {"b", 5.0}, {"c", 5}, {"d", 1e300}, {"e", -0.0}}),
            "a: 0.15\nb: 5.0\nc: 5\nd: 1e+300\ne: -0.0\n");
  for (const json& number : {json(5.0), json(0.1 + 0.2), json(std::numeric_limits<double>::denorm_min()),
                             json(std::numeric_limits<double>::max()), json(std::numeric_limits<std::int64_t>::min()),
                             json(std::numeric_limits<std::int64_t>::max()), json(18446744073709551615ULL)}) {
    const json read = parse_yaml(to_yaml(number), "t");
    EXPECT_EQ(read, number);
    EXPECT_EQ(read.is_number_float(), number.is_number_float()) << number;
  }
  EXPECT_TRUE(parse_yaml(to_yaml(json(std::nan(""))), "t").is_null());
}

TEST(ToYaml, EveryDoubleReadsBackTheSame) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 2000; ++i) {
    const auto bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (std::isfinite(value)) {
      ASSERT_EQ(parse_yaml(to_yaml(json(value)), "t").get<double>(), value);
    }
  }
}

TEST(ParseYaml, NamesTheLineOfASyntaxError) { EXPECT_THAT(message_of("a: 1\nb: [1,\n"), HasSubstr("file.yaml:")); }

TEST(ParseYaml, RefusesASecondDocument) {
  EXPECT_THAT(message_of("a: 1\n---\nb: 2\n"), HasSubstr("more than one document"));
  EXPECT_EQ(parse_yaml("---\na: 1\n...\n", "x").dump(), R"({"a":1})");
}

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
  std::string long_text = "a: &a " + std::string(1000, 'x') + "\nb: [";
  for (int i = 0; i < 1000; ++i) long_text += "*a, ";
  DocumentLimits limits;
  limits.bytes = 100'000;
  EXPECT_THAT(message_of(long_text + "*a]\n", limits), HasSubstr("bytes of text"));
}

TEST(ParseYaml, AliasesAreWhatTheyName) {
  EXPECT_EQ(parse_yaml("a: &x {k: [1, &y two]}\nb: *x\n*y : 3\n&z c: *z\n", "t"),
            json::parse(R"({"a":{"k":[1,"two"]},"b":{"k":[1,"two"]},"two":3,"c":"c"})"));
  EXPECT_THAT(message_of("&a [1, *a]\n"), HasSubstr("inside of what it names"));
  EXPECT_THAT(message_of("a: &x [1]\n*x : 2\n"), HasSubstr("a key must be plain text"));
  EXPECT_THAT(message_of("? [1]\n: 2\n"), HasSubstr("a key must be plain text"));
}

TEST(ParseYaml, QuotesInCommentsAndWordsOpenNothing) {
  EXPECT_EQ(parse_yaml("# say \"hello\na: [1]  # it's\nb: 5\" tall\n", "t"), json::parse(R"({"a":[1],"b":"5\" tall"})"));
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  EXPECT_THAT(message_of("# \"\n" + deep), HasSubstr("levels deep (file.yaml:2)"));
  EXPECT_THAT(message_of("a: it\"s\nb: " + deep), HasSubstr("levels deep (file.yaml:2)"));
  const std::string brackets(100, '[');
  EXPECT_EQ(parse_yaml("# " + brackets + "\na: '" + brackets + "'\n", "t"), json({{"a", brackets}}));
}

TEST(ParseYaml, RefusesDeepNestingOfEveryKind) {
  EXPECT_THAT(message_of(std::string(400, '[') + std::string(400, ']')), HasSubstr("levels deep"));
  EXPECT_NE(message_of(std::string(100'000, '[')), "no error");
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

TEST(ParseJson, RefusesDuplicateKeysWithTheirLine) {
  const auto place_of = [](const std::string& text) {
    try {
      parse_json(text, "f.json");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadConfig);
      EXPECT_THAT(error.what(), HasSubstr("'a' stands twice"));
      return error.where();
    }
    return std::string("no error");
  };
  EXPECT_EQ(place_of("{\"a\": 1,\n\"b\": 2,\n\"a\": 3}"), "f.json:3");
  EXPECT_EQ(place_of("[{\"x\": {\"a\": 1,\n\"\\u0061\": [\n2]}}]"), "f.json:2");
  EXPECT_EQ(place_of("{\"a\": {\"a\": [{\"a\": 1}, {\"a\": 1}]}, \"b\": {\"a\": 1}}"), "no error");
}

TEST(ParseJson, KeepsToItsLimits) {
  DocumentLimits limits;
  limits.nodes = 10;
  limits.depth = 3;
  EXPECT_NO_THROW(parse_json("[1,2,3,4,5,6,7,8,9]", "x", limits));
  EXPECT_THROW(parse_json("[1,2,3,4,5,6,7,8,9,10]", "x", limits), Error);
  EXPECT_NO_THROW(parse_json("[[{\"a\": \"[[[[\"}]]", "x", limits));
  EXPECT_THROW(parse_json("[[{\"a\": []}]]", "x", limits), Error);
}

TEST(ParseJson, RejectsNumbersThatNoDoubleHolds) { EXPECT_THROW(parse_json("[1e999]", "x"), Error); }

}  // namespace
}  // namespace goshawk
