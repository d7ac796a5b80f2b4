#include "goshawk/detect/onnx_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/detect/testing_onnx.h"
#include "goshawk/runtime/session.h"

namespace goshawk::detect {
namespace {

namespace fs = std::filesystem;

class OnnxFile : public testing::Test {
 protected:
  TemporaryFolder folder_{"onnx_file"};
  std::string content_ = brightness_model({1, 3, 64, 64}, ultralytics_metadata());
  fs::path model_ = folder_.write("model.onnx", content_);
};

TEST_F(OnnxFile, ReadsMetadataAsOnnxRuntimeDoes) {
  runtime::SessionOptions options;
  options.device.kind = runtime::DeviceKind::kCpu;
  EXPECT_EQ(read_onnx_metadata(model_), ultralytics_metadata());
  EXPECT_EQ(runtime::Session::load(model_, options)->metadata(), ultralytics_metadata());
}

TEST_F(OnnxFile, ListsTheOperators) {
  EXPECT_EQ(read_onnx_operators(model_), (std::set<std::string>{"AveragePool", "Conv", "Reshape"}));
}

TEST_F(OnnxFile, SetsReplacesAndRemovesEntriesInPlace) {
  const std::string large(300'000, 'x');
  write_onnx_metadata(model_, model_, {{"task", std::nullopt}, {"stride", "64"}, {"new", large}, {"absent", std::nullopt}});
  auto expected = ultralytics_metadata();
  expected.erase("task");
  expected["stride"] = "64";
  expected["new"] = large;
  EXPECT_EQ(read_onnx_metadata(model_), expected);
}

TEST_F(OnnxFile, LeavesEveryOtherByteAlone) {
  write_onnx_metadata(model_, folder_.path() / "with.onnx", {{"key", "value"}});
  write_onnx_metadata(folder_.path() / "with.onnx", folder_.path() / "without.onnx", {{"key", std::nullopt}});
  EXPECT_EQ(read_file(folder_.path() / "without.onnx"), content_);
  EXPECT_EQ(read_file(model_), content_);
}

TEST_F(OnnxFile, EveryTruncationIsOneClearErrorAndNothingIsWritten) {
  for (std::size_t size = 0; size < content_.size(); size += 1 + size / 40) {
    const fs::path cut = folder_.write("cut.onnx", content_.substr(0, size));
    try {
      read_onnx_operators(cut);
      read_onnx_metadata(cut);  // a cut between two fields behind the graph leaves a whole model
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadData) << size;
      EXPECT_THROW(write_onnx_metadata(cut, folder_.path() / "out.onnx", {{"a", "b"}}), Error) << size;
      EXPECT_FALSE(fs::exists(folder_.path() / "out.onnx"));
    }
  }
}

TEST_F(OnnxFile, SurvivesDamagedBytes) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(round);
    std::string damaged = content_;
    for (int i = 0; i < 3; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    const fs::path path = folder_.write("damaged.onnx", damaged);
    try {
      read_onnx_operators(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadData);
    }
  }
}

TEST_F(OnnxFile, RejectsOtherFiles) {
  EXPECT_THROW(read_onnx_metadata(folder_.write("a.txt", "hello, this is text")), Error);
  EXPECT_THROW(read_onnx_metadata(folder_.write("empty.onnx", "")), Error);
  EXPECT_THROW(read_onnx_metadata(folder_.path()), Error);
  EXPECT_THROW(read_onnx_metadata(folder_.path() / "missing.onnx"), Error);
}

}  // namespace
}  // namespace goshawk::detect
