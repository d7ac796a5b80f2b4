#include "goshawk/runtime/engine_cache.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "goshawk/runtime/testing.h"

namespace goshawk::runtime {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class Cache : public ::testing::Test {
 protected:
  void add(EngineCache& cache, const std::string& key, std::size_t bytes) {
    const auto staging = cache.begin(key);
    std::ofstream(staging / "engine.bin") << std::string(bytes, 'e');
    EXPECT_TRUE(cache.commit(staging, key, {{"model", key}}));
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }
  testing::TemporaryFolder folder_;
  EngineCache cache_{folder_.path()};
};

TEST_F(Cache, FindsWhatWasCommitted) {
  EXPECT_FALSE(cache_.find("a"));
  add(cache_, "a", 1000);
  const auto entry = cache_.find("a");
  ASSERT_TRUE(entry);
  EXPECT_EQ(fs::file_size(*entry / "engine.bin"), 1000U);
  EXPECT_FALSE(cache_.find("b"));
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Cache, ListsEntriesByLastUseAndTellsDamagedOnes) {
  add(cache_, "old", 1000);
  add(cache_, "new", 500);
  add(cache_, "bad", 10);
  fs::last_write_time(folder_.path() / "old" / "manifest.json", fs::file_time_type::clock::now() - std::chrono::hours(2));
  fs::last_write_time(folder_.path() / "bad" / "manifest.json", fs::file_time_type::clock::now() - std::chrono::hours(1));
  fs::resize_file(folder_.path() / "bad" / "engine.bin", 9);
  cache_.begin("unfinished");
  const auto engines = cache_.list();
  ASSERT_EQ(engines.size(), 3U);
  EXPECT_EQ(engines[0].key, "new");
  EXPECT_EQ(engines[0].about, R"({"model":"new"})");
  EXPECT_GE(engines[0].bytes, 500U);
  EXPECT_TRUE(engines[0].sound);
  EXPECT_NEAR(static_cast<double>(engines[0].used), static_cast<double>(std::time(nullptr)), 60);
  EXPECT_FALSE(engines[1].sound);
  EXPECT_EQ(engines[2].key, "old");
  EXPECT_TRUE(EngineCache(folder_ / "none").list().empty());
}

TEST_F(Cache, KeysDifferWithAnyPart) {
  const json about{{"model", "x"}, {"threads", 2}};
  json other = about;
  other["threads"] = 3;
  EXPECT_EQ(EngineCache::key_of(about), EngineCache::key_of(about));
  EXPECT_NE(EngineCache::key_of(about), EngineCache::key_of(other));
}

TEST_F(Cache, RemovesEntriesThatWereChangedCutOrLostAFile) {
  const auto spoil = [&](const std::string& how, const std::function<void(const fs::path&)>& action) {
    add(cache_, "a", 1000);
    action(folder_.path() / "a");
    EXPECT_FALSE(cache_.find("a")) << how;
    EXPECT_EQ(entries(), 0U) << how;
  };
  spoil("changed", [](const fs::path& e) { std::fstream(e / "engine.bin", std::ios::in | std::ios::out) << "E"; });
  spoil("cut", [](const fs::path& e) { fs::resize_file(e / "engine.bin", 999); });
  spoil("lost", [](const fs::path& e) { fs::remove(e / "engine.bin"); });
  spoil("no manifest", [](const fs::path& e) { fs::remove(e / "manifest.json"); });
  spoil("empty manifest", [](const fs::path& e) { fs::resize_file(e / "manifest.json", 0); });
  spoil("other JSON", [](const fs::path& e) { std::ofstream(e / "manifest.json") << "[1, 2]"; });
  spoil("wrong types", [](const fs::path& e) { std::ofstream(e / "manifest.json") << R"({"files": {"engine.bin": 3}})"; });
  spoil("outside", [](const fs::path& e) {
    std::ofstream(e / "manifest.json") << R"({"files": {"../../etc/passwd": {"bytes": 1, "sha256": ""}}})";
  });
}

TEST_F(Cache, RemovesTheLeastRecentlyUsedBeyondTheLimit) {
  EngineCache cache(folder_.path(), 3500);
  const auto wait = [] { std::this_thread::sleep_for(std::chrono::milliseconds(15)); };
  for (const std::string key : {"a", "b", "c"}) {
    add(cache, key, 800);  // and a manifest of about 200 bytes
    wait();
  }
  EXPECT_TRUE(cache.find("a"));
  wait();
  add(cache, "d", 800);
  EXPECT_TRUE(cache.find("a"));
  EXPECT_FALSE(cache.find("b"));
  EXPECT_TRUE(cache.find("d"));
}

TEST_F(Cache, TheFirstOfTwoWritersWins) {
  const auto one = cache_.begin("a"), two = cache_.begin("a");
  std::ofstream(one / "engine.bin") << "one";
  std::ofstream(two / "engine.bin") << "two!";
  EXPECT_TRUE(cache_.commit(one, "a", {}));
  EXPECT_FALSE(cache_.commit(two, "a", {}));
  EXPECT_EQ(fs::file_size(*cache_.find("a") / "engine.bin"), 3U);
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Cache, FilesMayHaveAnyName) {
  const auto staging = cache_.begin("a");
  std::ofstream(staging / "engine.bin") << "engine";
  EXPECT_TRUE(cache_.commit(staging, "a", {{"file", "m\xFF.onnx"}}));
  EXPECT_TRUE(cache_.find("a"));
  EXPECT_EQ(cache_.list().at(0).about, "{\"file\":\"m\xEF\xBF\xBD.onnx\"}");
}

TEST_F(Cache, KeepsNothingWhenNothingWasWritten) {
  EXPECT_FALSE(cache_.commit(cache_.begin("a"), "a", {}));
  EXPECT_EQ(entries(), 0U);
}

TEST_F(Cache, RemovesWhatACrashLeftBehind) {
  const auto staging = cache_.begin("a");
  cache_.trim();
  EXPECT_TRUE(fs::exists(staging)) << "another process may be at it";
  fs::last_write_time(staging, fs::file_time_type::clock::now() - std::chrono::hours(30));
  cache_.trim();
  EXPECT_FALSE(fs::exists(staging));
}

}  // namespace
}  // namespace goshawk::runtime
