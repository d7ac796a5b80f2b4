#include "apps/goshawk/model_path.h"

#include <gmock/gmock.h>

#include <fstream>

#include "goshawk/core/testing.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ModelPathTest : public testing::Test {
 protected:
  ModelPathTest() {
    for (const char* name : {"bundled", "cache", "shared"}) fs::create_directory(folder_ / name);
    places_ = {{folder_ / "missing", folder_ / "bundled"}, folder_ / "cache", folder_ / "shared"};
  }

  fs::path touch(const fs::path& path) {
    std::ofstream(folder_ / path) << "x";
    return folder_ / path;
  }
  Error failure(const std::string& text) {
    try {
      resolve_model(text, places_, manifest_);
    } catch (const Error& error) {
      return error;
    }
    return {ErrorCode::kInternal, "no error"};
  }

  TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path();
  ModelPlaces places_;
  std::vector<ModelEntry> manifest_{{"yolox_nano", "https://example.com/n.onnx", 1, std::string(64, '0'), "MIT", ""}};
};

TEST_F(ModelPathTest, APathIsTakenAsItIs) {
  const auto path = touch("my model.onnx");
  EXPECT_EQ(resolve_model(path.string(), places_, manifest_).path, path);
  EXPECT_EQ(resolve_model(path.string(), places_, manifest_).origin, "given");
}

TEST_F(ModelPathTest, NamesAreLookedForInBundledThenCache) {
  const auto cached = touch("cache/yolox_nano.onnx");
  EXPECT_EQ(resolve_model("yolox_nano", places_, manifest_).path, cached);
  EXPECT_EQ(resolve_model("yolox_nano.onnx", places_, manifest_).path, cached);
  EXPECT_EQ(resolve_model("yolox-nano", places_, manifest_).path, cached);
  const auto bundled = touch("bundled/yolox_nano.onnx");
  EXPECT_EQ(resolve_model("yolox_nano", places_, manifest_).path, bundled);
}

TEST_F(ModelPathTest, TheDefaultIsBundledThenPulledLastThenShared) {
  EXPECT_EQ(failure("").code(), ErrorCode::kNotFound);
  EXPECT_THAT(failure("").hint(), HasSubstr("goshawk models pull"));
  const auto shared = touch("shared/yolox_nano.onnx");
  EXPECT_EQ(resolve_model("", places_, manifest_).path, shared);
  const auto newer = touch("cache/a.onnx"), older = touch("cache/b.onnx");
  fs::last_write_time(older, fs::last_write_time(newer) - std::chrono::hours(1));
  EXPECT_EQ(resolve_model("", places_, manifest_).path, newer);
  const auto bundled = touch("bundled/goshawk-n.onnx");
  EXPECT_EQ(resolve_model("", places_, manifest_).path, bundled);
}

TEST_F(ModelPathTest, AKnownModelThatIsNotHereSaysHowToPullIt) {
  EXPECT_EQ(failure("yolox_nano").code(), ErrorCode::kNotFound);
  EXPECT_THAT(failure("yolox_nano.onnx").hint(), HasSubstr("goshawk models pull yolox_nano"));
  EXPECT_THAT(failure("yolox-nano").hint(), HasSubstr("goshawk models pull yolox_nano"));
  EXPECT_EQ(find_model(manifest_, "yolox-nano").name, "yolox_nano");
}

TEST_F(ModelPathTest, AMisspeltNameIsSuggested) {
  EXPECT_THAT(failure("yolox_nani").what(), HasSubstr("did you mean 'yolox_nano'?"));
  touch("cache/traffic.onnx");
  EXPECT_THAT(failure("trafic").what(), HasSubstr("did you mean 'traffic'?"));
}

TEST_F(ModelPathTest, AMissingPathAndAFolderAreNotFound) {
  EXPECT_EQ(failure((folder_ / "none.onnx").string()).where(), (folder_ / "none.onnx").string());
  EXPECT_EQ(failure(folder_.string()).code(), ErrorCode::kNotFound);
}

TEST(ModelNames, ArePathsWhereTwoFilesHaveOneName) {
  EXPECT_THAT(model_names({"a/best.onnx", "b/best.onnx", "b/last.onnx"}),
              testing::ElementsAre("a/best.onnx", "b/best.onnx", "last"));
}

TEST(ModelManifest, TheBuiltInOneIsComplete) {
  EXPECT_THAT(model_names(), testing::IsSupersetOf({"yolox_nano", "yolox_tiny"}));
  for (const auto& entry : builtin_manifest()) {
    EXPECT_TRUE(entry.url.starts_with("https://")) << entry.name;
    EXPECT_FALSE(entry.licence.empty()) << entry.name;
  }
}

TEST(ModelManifest, RefusesEntriesThatAreIncompleteOrOdd) {
  const std::string good = "name: a\n    url: https://x/y\n    size: 5\n    sha256: " + std::string(64, 'a') +
                           "\n    licence: MIT\n    description: d\n";
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return "models:\n  - " + text;
  };
  EXPECT_EQ(parse_manifest(with("MIT", "MIT"), "m").size(), 1U);
  for (const auto& bad :
       {with("name: a", "name: ../a"), with("name: a", "nme: a"), with("size: 5", "size: -5"), with("size: 5", "size: x"),
        with(std::string(64, 'a'), "abc"), with("licence: MIT", "license: MIT"), with("description: d", "more: d"),
        std::string("models: 5"), std::string("[]"), "models:\n  - " + good + "  - " + good}) {
    EXPECT_THROW(parse_manifest(bad, "m"), Error) << bad;
  }
}

}  // namespace
}  // namespace goshawk::cli
