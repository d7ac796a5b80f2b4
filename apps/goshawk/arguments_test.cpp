#include "apps/goshawk/arguments.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "apps/goshawk/help.h"
#include "goshawk/core/error.h"

namespace goshawk::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

Command sample() {
  Command command;
  command.name = "look";
  command.summary = "Look at something";
  command.settings = {"model", "detect", "output.video", "track.lines"};
  command.positionals = {{.name = "SOURCE", .help = "what to look at", .flag = "source"},
                         {.name = "OTHER", .help = "more", .required = false}};
  command.options = {{"fast", "", "Do not look long"}, {"times", "N", "How often"}};
  command.json = true;
  return command;
}

Error failure(const std::vector<std::string>& words) {
  try {
    parse_arguments(sample(), words);
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::kInternal, "no error"};
}

TEST(Arguments, FlagsAndPositionalsInAnyOrder) {
  const auto result =
      parse_arguments(sample(), {"--conf", "0.5", "a.mp4", "--fast", "--iou=0.6", "b", "--times", "3", "--json"});
  EXPECT_THAT(result.settings, ElementsAre(Pair("detect.conf", ElementsAre("0.5")), Pair("detect.iou", ElementsAre("0.6"))));
  EXPECT_THAT(result.options, ElementsAre(Pair("fast", "true"), Pair("times", "3")));
  EXPECT_THAT(result.positionals, ElementsAre("a.mp4", "b"));
  EXPECT_TRUE(result.json);
}

TEST(Arguments, UnderlinesAreDashes) {
  EXPECT_THAT(parse_arguments(sample(), {"x", "--max_det=5"}).settings,
              ElementsAre(Pair("detect.max_det", ElementsAre("5"))));
  EXPECT_THAT(parse_arguments(sample(), {"a_b", "--source", "c_d"}).positionals, ElementsAre("c_d", "a_b"));
}

TEST(Arguments, BooleansHaveTwoFlagsAndTheLastWins) {
  const auto value = [](const std::vector<std::string>& words) {
    return parse_arguments(sample(), words).settings.at("output.video").back();
  };
  EXPECT_EQ(value({"x", "--video"}), "true");
  EXPECT_EQ(value({"x", "--no-video"}), "false");
  EXPECT_EQ(value({"x", "--no-video", "--video"}), "true");
  EXPECT_EQ(value({"x", "--video=false"}), "false");
}

TEST(Arguments, RepeatedFlagsAreKeptInOrder) {
  EXPECT_THAT(parse_arguments(sample(), {"x", "--line", "1,2,3,4", "--line", "a=5,6,7,8"}).settings.at("track.lines"),
              ElementsAre("1,2,3,4", "a=5,6,7,8"));
}

TEST(Arguments, OfOptionsThatAreGivenAgainTheLastCounts) {
  const auto parsed = parse_arguments(sample(), {"--times", "2", "--source", "a", "--times", "3", "--source", "b"});
  EXPECT_EQ(parsed.options.at("times"), "3");
  EXPECT_THAT(parsed.positionals, ElementsAre("b"));
}

TEST(Arguments, SwitchesAreOnOrOff) {
  EXPECT_TRUE(parse_arguments(sample(), {"a", "--fast"}).options.contains("fast"));
  EXPECT_TRUE(parse_arguments(sample(), {"a", "--fast=true"}).options.contains("fast"));
  EXPECT_FALSE(parse_arguments(sample(), {"a", "--fast=false"}).options.contains("fast"));
  EXPECT_EQ(failure({"a", "--fast=maybe"}).code(), ErrorCode::kUsage);
}

TEST(Arguments, NothingIsTakenInThePlaceOfAnEmptyWord) {
  EXPECT_THAT(failure({""}).what(), HasSubstr("SOURCE is empty"));
  EXPECT_THAT(failure({"--source", ""}).what(), HasSubstr("SOURCE is empty"));
  EXPECT_THAT(failure({"a", ""}).what(), HasSubstr("OTHER is empty"));
  EXPECT_THAT(failure({"a", "b", ""}).what(), HasSubstr("OTHER is empty"));
  EXPECT_THAT(failure({"a", "--times", ""}).what(), HasSubstr("--times needs a value"));
  EXPECT_THAT(failure({"a", "--times="}).what(), HasSubstr("--times needs"));
}

TEST(Arguments, ThePositionalMayBeAFlag) {
  EXPECT_THAT(parse_arguments(sample(), {"--source", "a.mp4"}).positionals, ElementsAre("a.mp4"));
  EXPECT_THAT(parse_arguments(sample(), {"b", "--source", "a.mp4"}).positionals, ElementsAre("a.mp4", "b"));
}

TEST(Arguments, BehindTwoDashesNothingIsAFlag) {
  EXPECT_THAT(parse_arguments(sample(), {"--fast", "--", "--conf"}).positionals, ElementsAre("--conf"));
}

TEST(Arguments, UnknownFlagsAreSuggestedOrSaidToBelongElsewhere) {
  EXPECT_THAT(failure({"x", "--cnof", "0.5"}).what(), HasSubstr("did you mean '--conf'?"));
  EXPECT_THAT(failure({"x", "--no-vide"}).what(), HasSubstr("did you mean '--no-video'?"));
  EXPECT_THAT(failure({"x", "--tracker", "sort"}).what(), HasSubstr("does not take --tracker"));
  EXPECT_THAT(failure({"x", "-z"}).what(), HasSubstr("unknown flag -z"));
  EXPECT_EQ(failure({"x", "--cnof"}).code(), ErrorCode::kUsage);
}

TEST(Arguments, MissingAndSuperfluousWords) {
  EXPECT_THAT(failure({}).what(), HasSubstr("needs SOURCE (or --source)"));
  EXPECT_THAT(failure({"a", "b", "c"}).what(), HasSubstr("one argument too many: 'c'"));
  EXPECT_THAT(failure({"a", "--conf"}).what(), HasSubstr("--conf needs one value"));
  EXPECT_THAT(failure({"a", "--conf", "--iou", "3"}).what(), HasSubstr("--conf needs one value"));
  EXPECT_TRUE(parse_arguments(sample(), {"--help"}).help);
}

TEST(Arguments, CommandsOfOneAndTwoWordsAreFound) {
  EXPECT_EQ(find_command({"version", "--json"}).first->name, "version");
  EXPECT_EQ(find_command({"config", "show", "x"}).first->name, "config show");
  EXPECT_THAT(find_command({"config", "show", "x"}).second, ElementsAre("x"));
  const auto message = [](const std::vector<std::string>& words) {
    try {
      find_command(words);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(message({"verison"}), HasSubstr("did you mean 'version'?"));
  EXPECT_THAT(message({"config", "shwo"}), HasSubstr("did you mean 'show'?"));
  EXPECT_THAT(message({"config"}), HasSubstr("needs one of: show"));
  EXPECT_THAT(message({"--conf", "3", "version"}), HasSubstr("comes before its flags"));
}

TEST(Registry, EveryCommandIsWellFormed) {
  for (const auto& command : commands()) {
    SCOPED_TRACE(command.name);
    EXPECT_TRUE(command.run);
    EXPECT_LE(command.summary.size(), 62U) << "one line of the overview at 80 columns";
    EXPECT_NE(command.summary.back(), '.');
    for (const auto& selector : command.settings) {
      EXPECT_TRUE(std::any_of(schema().begin(), schema().end(), [&](const Setting& setting) {
        return selects(selector, setting);
      })) << selector;
    }
    for (const auto& [key, text] : command.defaults) {
      ASSERT_NE(find_setting(key), nullptr) << key;
      EXPECT_NO_THROW(parse_setting(*find_setting(key), text, ErrorCode::kUsage, ""));
    }
    EXPECT_TRUE(parse_arguments(command, {"--help"}).help);
  }
}

TEST(Help, LinesFitTheTerminal) {
  for (const int width : {60, 80, 100}) {
    for (const auto& command : commands()) {
      const std::string text = help_of(command, {width, false});
      std::size_t begin = 0;
      while (begin < text.size()) {
        const auto end = text.find('\n', begin);
        const std::string line = text.substr(begin, end - begin);
        if (!line.starts_with("  goshawk ") && !line.starts_with("  eval") && !line.starts_with("  source")) {
          EXPECT_LE(line.size(), static_cast<std::size_t>(width)) << command.name << ": " << line;
        }
        begin = end + 1;
      }
    }
  }
}

}  // namespace
}  // namespace goshawk::cli
