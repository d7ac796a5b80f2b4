#include "goshawk/optimize/run_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "goshawk/core/testing.h"

namespace goshawk::optimize {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(RunRecord, WhatItsReaderRefusesIsToldWithTheFile) {
  const TemporaryFolder folder;
  const auto steps = [](const nlohmann::json& document) { return document.at("steps").get<int>(); };
  const auto read = [&](const char* name) { return read_run_record(folder / name, "goshawk prune", {}, steps); };
  folder.write("good.json", R"({"steps": 3})");
  folder.write("other.json", R"({"steps": "three"})");
  folder.write("broken.json", "{");
  EXPECT_EQ(read("good.json"), 3);
  EXPECT_THAT(text_of_error([&] { read("other.json"); }, ErrorCode::kBadData),
              AllOf(HasSubstr("other.json"), HasSubstr("type must be number")));
  EXPECT_THAT(text_of_error([&] { read("none.json"); }, ErrorCode::kNotFound), HasSubstr("`goshawk prune`"));
  EXPECT_EQ(code_of([&] { read("broken.json"); }), ErrorCode::kBadConfig);
}

TEST(RunRecord, SaysWhatDiffersFromWhatWasBegun) {
  const std::map<std::string, std::string> begun{
      {"model", std::string(64, 'a')}, {"--max-drop", "1"}, {"recipe", std::string(64, 'b')}};
  EXPECT_NO_THROW(require_same(begun, begun, "search.json"));
  auto now = begun;
  now["--max-drop"] = "0.5";
  now["model"] = std::string(64, 'c');
  const auto text = text_of_error([&] { require_same(begun, now, "search.json"); }, ErrorCode::kBadConfig);
  EXPECT_THAT(text, AllOf(HasSubstr("--max-drop (1 then, 0.5 now)"), HasSubstr("model"), Not(HasSubstr("recipe")),
                          Not(HasSubstr("aaaa")), HasSubstr("search.json")));
}

TEST(RunRecord, ContentCountsAndPlaceDoesNot) {
  const TemporaryFolder here, there;
  dataset::Dataset set;
  set.categories = {{.id = 0, .name = "car"}};
  set.images.resize(1);
  set.images[0].file = "a.png";
  set.annotations.resize(1);
  set.annotations[0].rectangle = {1, 2, 3, 4};
  set.root = here.path();
  here.write("a.png", "pixels");
  there.write("a.png", "pixels");
  const auto hash = content_hash(set);
  auto other = set;
  other.root = there.path();
  EXPECT_EQ(content_hash(other), hash);
  there.write("a.png", "Pixels");
  EXPECT_NE(content_hash(other), hash);
  other = set;
  other.annotations[0].rectangle.width = 3.5;
  EXPECT_NE(content_hash(other), hash);
  other = set;
  other.categories[0].name = "van";
  EXPECT_NE(content_hash(other), hash);
}

}  // namespace
}  // namespace goshawk::optimize
