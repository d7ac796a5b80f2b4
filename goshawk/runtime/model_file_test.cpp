#include "goshawk/runtime/model_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnxruntime_cxx_api.h>

#include <functional>
#include <random>

#include "goshawk/core/files.h"
#include "goshawk/runtime/testing.h"

namespace goshawk::runtime {
namespace {

namespace fs = std::filesystem;
using namespace testing;  // NOLINT: small models
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Metadata = std::map<std::string, std::string>;

/// The oracle.
Metadata metadata_in_onnx_runtime(const fs::path& model) {
  const Ort::Env env;
  const Ort::Session session(env, model.c_str(), Ort::SessionOptions());
  Ort::AllocatorWithDefaultOptions allocator;
  const auto about = session.GetModelMetadata();
  Metadata metadata;
  for (const auto& key : about.GetCustomMetadataMapKeysAllocated(allocator)) {
    metadata[key.get()] = about.LookupCustomMetadataMapAllocated(key.get(), allocator).get();
  }
  return metadata;
}

class OnnxFile : public ::testing::Test {
 protected:
  static Graph graph() {
    Graph graph = convolution(1);
    graph.metadata = {{"task", "detect"}, {"stride", "32"}, {"names", "{0: 'light'}"}, {"empty", ""}};
    return graph;
  }

  fs::path path(const std::string& name) const { return folder_.path() / name; }

  TemporaryFolder folder_;
  Metadata metadata_ = graph().metadata;
  std::string content_ = graph().model();
  fs::path model_ = folder_.write("model.onnx", content_);
};

TEST_F(OnnxFile, ReadsMetadataAsOnnxRuntimeDoes) {
  EXPECT_EQ(inspect_model(model_).metadata, metadata_);
  EXPECT_EQ(metadata_in_onnx_runtime(model_), metadata_);
}

TEST_F(OnnxFile, ListsTheOperatorsOfTheMainGraph) {
  EXPECT_THAT(inspect_model(model_).operators, ElementsAre("Conv", "Relu"));
  Graph outer = scale_and_shift();
  const Message inner = Message().message(1, node("Sigmoid", {"a"}, {"b"}));
  outer.nodes.push_back(node("Loop", {"y"}, {"z"}, {Message().text(1, "body").message(6, inner).number(20, 5)}));
  EXPECT_THAT(inspect_model(folder_.write("loop.onnx", outer.model())).operators, ElementsAre("Add", "Cast", "Loop", "Mul"));
}

TEST_F(OnnxFile, HashesTheWholeFile) { EXPECT_EQ(inspect_model(model_).sha256, sha256_of_bytes(content_)); }

TEST_F(OnnxFile, RefusesCompiledCodeHoweverDeepItHides) {
  Message hidden = Message().message(1, node("EPContext", {}, {"b"}));
  for (int depth = 0; depth < 3; ++depth) {
    hidden = Message().message(1, node("If", {"a"}, {"b"}, {Message().text(1, "then_branch").message(6, hidden)}));
    const std::string model = Message().number(1, 8).message(7, hidden).bytes();
    const fs::path file = folder_.write("deep.onnx", model);
    EXPECT_THAT(text_of_error([&] { inspect_model(file); }, ErrorCode::kBadData), HasSubstr("EPContext"));
  }
  const Message function = Message().text(1, "f").message(7, node("EPContext", {}, {"b"}));
  const fs::path file = folder_.write("function.onnx", content_ + Message().message(25, function).bytes());
  EXPECT_THAT(text_of_error([&] { inspect_model(file); }, ErrorCode::kBadData), HasSubstr("EPContext"));
}

TEST_F(OnnxFile, LimitsWhatIsRead) {
  Message graph;
  for (int depth = 0; depth < 100; ++depth) {
    graph = Message().message(1, node("If", {"a"}, {"b"}, {Message().message(6, graph)}));
  }
  const fs::path deep = folder_.write("deep.onnx", Message().number(1, 8).message(7, graph).bytes());
  EXPECT_THAT(text_of_error([&] { inspect_model(deep); }, ErrorCode::kBadData), HasSubstr("nested too deeply"));

  std::string entries;
  for (int i = 0; i < 4096; ++i) entries += Message().message(14, Message().text(1, "k" + std::to_string(i))).bytes();
  const fs::path many = folder_.write("many.onnx", scale_and_shift().model() + entries);
  EXPECT_EQ(inspect_model(many).metadata.size(), 4096U);
  const std::string more = Message().message(14, Message().text(1, "k")).bytes();
  const fs::path too_many = folder_.write("too_many.onnx", scale_and_shift().model() + entries + more);
  EXPECT_THAT(text_of_error([&] { inspect_model(too_many); }, ErrorCode::kBadData), HasSubstr("4,096 entries"));

  Graph named = scale_and_shift();
  named.nodes[1] = node(std::string(5000, 'x'), {"f", "two"}, {"d"});
  const fs::path name = folder_.write("name.onnx", named.model());
  EXPECT_THAT(text_of_error([&] { inspect_model(name); }, ErrorCode::kBadData), HasSubstr("longer than 4096 bytes"));

  const Message half = Message().text(1, "k").text(2, std::string(33U << 20U, 'x'));
  const fs::path large = folder_.write("large.onnx", content_ + Message().message(14, half).message(14, half).bytes());
  EXPECT_THAT(text_of_error([&] { inspect_model(large); }, ErrorCode::kBadData), HasSubstr("larger than 64 MiB"));
}

TEST_F(OnnxFile, TellsWhatIsWrongWithAFile) {
  const auto text = [&](const fs::path& file, ErrorCode code = ErrorCode::kBadData) {
    return text_of_error([&] { inspect_model(file); }, code);
  };
  text(folder_.write("a.txt", "hello, this is text"));
  EXPECT_THAT(text(folder_.write("empty.onnx", "")), HasSubstr("it is empty"));
  EXPECT_THAT(text(folder_.write("cut.onnx", content_.substr(0, 100))), HasSubstr("bytes too early"));
  EXPECT_THAT(text(folder_.write("no_graph.onnx", Message().number(1, 8).bytes())), HasSubstr("no graph"));
  EXPECT_THAT(text(folder_.path(), ErrorCode::kNotFound), HasSubstr("not a file"));
  EXPECT_THAT(text(path("missing.onnx"), ErrorCode::kNotFound), HasSubstr("does not exist"));
}

TEST_F(OnnxFile, SetsReplacesAndRemovesEntriesInPlace) {
  const std::string large(300'000, 'x');
  write_metadata(model_, model_, {{"task", std::nullopt}, {"stride", "64"}, {"new", large}, {"absent", std::nullopt}});
  metadata_.erase("task");
  metadata_["stride"] = "64";
  metadata_["new"] = large;
  EXPECT_EQ(inspect_model(model_).metadata, metadata_);
  EXPECT_EQ(metadata_in_onnx_runtime(model_), metadata_);
}

TEST_F(OnnxFile, LeavesEveryOtherByteAlone) {
  write_metadata(model_, path("with.onnx"), {{"key", "value"}});
  EXPECT_EQ(read_file(path("with.onnx")).size(), content_.size() + 2 + 12);
  write_metadata(path("with.onnx"), path("without.onnx"), {{"key", std::nullopt}});
  EXPECT_EQ(read_file(path("without.onnx")), content_);
  EXPECT_EQ(read_file(model_), content_);
}

TEST_F(OnnxFile, ReplacesEveryEntryOfAKeyAndKeepsFieldsBehindThem) {
  const std::string tail = Message().text(6, "behind").bytes();
  const std::string twice = Message().message(14, Message().text(1, "task").text(2, "pose")).bytes();
  write_metadata(folder_.write("twice.onnx", content_ + twice + tail), path("once.onnx"), {{"task", std::nullopt}});
  Graph expected = graph();
  expected.metadata.erase("task");
  EXPECT_EQ(read_file(path("once.onnx")), expected.model() + tail);
}

TEST_F(OnnxFile, WritesNothingThatItWouldNotRead) {
  const auto refused = [&](const std::string& key, const std::string& value) {
    text_of_error([&] { write_metadata(model_, path("out.onnx"), {{key, value}}); }, ErrorCode::kUsage);
  };
  refused(std::string(4097, 'k'), "value");
  refused("key", std::string(64U << 20U, 'v'));
  EXPECT_FALSE(fs::exists(path("out.onnx")));
}

TEST_F(OnnxFile, EveryTruncationIsOneClearErrorAndNothingIsWritten) {
  for (std::size_t size = 0; size < content_.size(); size += 1 + size / 40) {
    const fs::path cut = folder_.write("cut.onnx", content_.substr(0, size));
    try {
      inspect_model(cut);  // a cut between two fields behind the graph leaves a whole model
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadData) << size;
      EXPECT_THROW(write_metadata(cut, path("out.onnx"), {{"a", "b"}}), Error) << size;
      EXPECT_FALSE(fs::exists(path("out.onnx")));
    }
  }
}

TEST_F(OnnxFile, SurvivesDamagedBytes) {
  std::mt19937 random(5);
  int refused = 0;
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(round);
    std::string damaged = content_;
    for (int i = 0; i < 3; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    try {
      inspect_model(folder_.write("damaged.onnx", damaged));
    } catch (const Error& error) {
      ++refused;
      EXPECT_EQ(error.code(), ErrorCode::kBadData);
    }
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace goshawk::runtime
