#include "goshawk/optimize/search_state.h"

#include <gtest/gtest.h>

#include "goshawk/core/testing.h"

namespace goshawk::optimize {
namespace {

SearchState some_state() {
  SearchState state;
  state.begun_with = {{"model", std::string(64, 'a')}, {"--max-drop", "1"}, {"recipe", std::string(64, 'b')}};
  state.accuracy = {{"original, 12ab", {0.25, 0.5}}};
  state.made["fp32"] = {{"step", "simplify"}, {"file_sha256", "12ab"}};
  return state;
}

TEST(SearchState, WhatIsWrittenIsReadAgain) {
  const TemporaryFolder folder;
  write_state(some_state(), folder / "search.json");
  const auto again = read_state(folder / "search.json");
  EXPECT_EQ(again.begun_with, some_state().begun_with);
  EXPECT_EQ(again.accuracy, some_state().accuracy);
  const auto unordered = [](const SearchState& state) { return nlohmann::json::parse(state.made.dump()); };
  EXPECT_EQ(unordered(again), unordered(some_state()));
}

TEST(SearchState, WhatIsNoneIsOneErrorWithTheFile) {
  const TemporaryFolder folder;
  write_state(some_state(), folder / "good.json");
  const auto good = nlohmann::json::parse(std::ifstream(folder / "good.json"));
  std::vector<nlohmann::json> bad{nlohmann::json::array(), nlohmann::json::object(), 7, "text", nullptr};
  const auto change = [&](const std::string& key, const nlohmann::json& value) {
    auto changed = good;
    changed[key] = value;
    bad.push_back(changed);
  };
  for (const nlohmann::json& value : {nlohmann::json(1), nlohmann::json("2"), nlohmann::json()}) change("format", value);
  change("begun_with", {{"model", 7}});
  change("begun_with", "text");
  change("accuracy", nlohmann::json::array({7}));
  change("accuracy", {{"original", {{"AP", "high"}, {"AP50", 0.5}}}});
  change("accuracy", {{"original", {{"AP", 0.5}}}});
  change("accuracy", {{"original", {{"AP", 7}, {"AP50", 0.5}}}});
  change("made", {{"fp32", 7}});
  change("made", 7);
  for (const auto& document : bad) {
    const auto file = folder.write("search.json", document.dump());
    try {
      read_state(file);
      ADD_FAILURE() << document;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadData) << document;
      EXPECT_EQ(error.where(), file.string());
    }
  }
  EXPECT_EQ(code_of([&] { read_state(folder.write("search.json", "{")); }), ErrorCode::kBadConfig);
  EXPECT_EQ(code_of([&] { read_state(folder / "none.json"); }), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace goshawk::optimize
