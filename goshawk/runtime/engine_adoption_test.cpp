#include "goshawk/runtime/engine_adoption.h"

#include <gtest/gtest.h>

#include "goshawk/runtime/engine_cache.h"
#include "goshawk/runtime/memory.h"
#include "goshawk/runtime/testing.h"

namespace goshawk::runtime {
namespace {

namespace fs = std::filesystem;

/// A blob of OpenVINO that was compiled into one cache is adopted into another one: what TensorRT's engines go through.
class AdoptEngine : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const auto& status : list_devices()) {
      if (status.device.kind == DeviceKind::kOpenVino && !status.available) GTEST_SKIP() << status.reason;
    }
    options.device = {DeviceKind::kOpenVino, 0};
    options.precision = Precision::kFp32;
    options.threads = 1;
    model = folder.write("m.onnx", testing::convolution(1).model());
    auto elsewhere = options;
    elsewhere.cache_folder = folder / "elsewhere";
    Session::load(model, elsewhere);
    compiled = *elsewhere.cache_folder / EngineCache(*elsewhere.cache_folder).list().at(0).key;
    options.cache_folder = folder / "here";
  }

  void adopt(const fs::path& onnx) {
    adopt_engine(onnx, options, [&](const fs::path& into) {
      for (const auto& file : fs::directory_iterator(compiled)) {
        if (file.path().filename() != "manifest.json") fs::copy(file.path(), into);
      }
    });
  }
  bool is_kept(const fs::path& onnx, const SessionOptions& wanted) const {
    return Session::load(onnx, wanted)->statistics().from_cache;
  }

  testing::TemporaryFolder folder;
  SessionOptions options;
  fs::path model, compiled;
};

TEST_F(AdoptEngine, IsTakenForItsModelAndSettingsOnly) {
  adopt(model);
  EXPECT_TRUE(is_kept(model, options));
  auto other = options;
  other.threads = 2;
  EXPECT_FALSE(is_kept(model, other));
  auto graph = testing::convolution(1);
  graph.metadata["k"] = "v";
  EXPECT_FALSE(is_kept(folder.write("other.onnx", graph.model()), options));
}

TEST_F(AdoptEngine, WhatTheProviderDoesNotTakeIsNotKept) {
  const auto text = text_of_error(
      [&] { adopt_engine(model, options, [](const fs::path& into) { std::ofstream(into / "model.onnx") << "junk"; }); },
      ErrorCode::kBadData);
  EXPECT_NE(text.find("does not take this engine"), std::string::npos) << text;
  EXPECT_TRUE(fs::is_empty(*options.cache_folder));
}

TEST_F(AdoptEngine, TakesThePlaceOfWhatWasThere) {
  Session::load(model, options);
  adopt(model);
  EXPECT_EQ(EngineCache(*options.cache_folder).list().size(), 1U);
  EXPECT_TRUE(is_kept(model, options));
}

TEST(AdoptEngineForNvidia, SaysWhatIsMissing) {
  if (has_nvidia_driver()) GTEST_SKIP() << "there is a driver";
  const testing::TemporaryFolder folder;
  SessionOptions options;
  options.cache_folder = folder / "cache";
  for (const auto kind : {DeviceKind::kTensorRt, DeviceKind::kTensorRtRtx}) {
    options.device = {kind, 0};
    const auto model = folder.write("m.onnx", testing::convolution(1).model());
    const auto text = text_of_error([&] { adopt_engine(model, options, [](const fs::path&) {}); }, ErrorCode::kUnavailable);
    EXPECT_NE(text.find("no NVIDIA driver"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace goshawk::runtime
