#include "goshawk/runtime/engine_options.h"

#include <gtest/gtest.h>

#include "goshawk/core/testing.h"

namespace goshawk::runtime {
namespace {

using Strings = std::map<std::string, std::string>;

const EngineOptions kProfile{2ULL << 30, "images:1x3x320x320", "images:1x3x640x640", "images:4x3x1280x1280"};

TEST(EngineOptions, BecomeTensorRtsOptionStrings) {
  const Device device{DeviceKind::kTensorRt, 1};
  EXPECT_EQ(tensorrt_options(device, Precision::kFp16, true, kProfile, "/engines"),
            (Strings{{"device_id", "1"},
                     {"trt_fp16_enable", "1"},
                     {"trt_bf16_enable", "0"},
                     {"trt_int8_enable", "1"},
                     {"trt_max_workspace_size", "2147483648"},
                     {"trt_profile_min_shapes", "images:1x3x320x320"},
                     {"trt_profile_opt_shapes", "images:1x3x640x640"},
                     {"trt_profile_max_shapes", "images:4x3x1280x1280"},
                     {"trt_engine_cache_enable", "1"},
                     {"trt_engine_cache_path", "/engines"},
                     {"trt_timing_cache_enable", "1"},
                     {"trt_timing_cache_path", "/engines"}}));
  EXPECT_EQ(tensorrt_options(device, Precision::kAuto, false, {}, ""),
            (Strings{{"device_id", "1"}, {"trt_fp16_enable", "0"}, {"trt_bf16_enable", "0"}, {"trt_int8_enable", "0"}}));
}

TEST(EngineOptions, BecomeTensorRtRtxsOptionStrings) {
  EXPECT_EQ(tensorrt_rtx_options(kProfile), (Strings{{"nv_max_workspace_size", "2147483648"},
                                                     {"nv_profile_min_shapes", "images:1x3x320x320"},
                                                     {"nv_profile_opt_shapes", "images:1x3x640x640"},
                                                     {"nv_profile_max_shapes", "images:4x3x1280x1280"}}));
  EXPECT_EQ(tensorrt_rtx_options({}), Strings{});
}

TEST(EngineOptions, EachOneChangesTheKeyOfAnEngine) {
  EXPECT_EQ(to_text({}), "");
  auto other = kProfile;
  other.workspace_bytes = 0;
  EXPECT_NE(to_text(other), to_text(kProfile));
  for (auto* shapes : {&other.min_shapes, &other.opt_shapes, &other.max_shapes}) {
    other = kProfile;
    *shapes = "images:2x3x640x640";
    EXPECT_NE(to_text(other), to_text(kProfile));
  }
}

TEST(EngineOptions, ProfilesThatMakeNoSenseAreRefused) {
  EXPECT_NO_THROW(check_engine_options({}));
  EXPECT_NO_THROW(check_engine_options(kProfile));
  EXPECT_NO_THROW(check_engine_options({0, "a:1,b:0:2x1", "a:1,b:0:2x2", "b:0:2x3,a:4"}));
  const auto says = [](const EngineOptions& options) {
    return text_of_error([&] { check_engine_options(options); }, ErrorCode::kBadConfig);
  };
  const auto expect = [&](const EngineOptions& options, const std::string& what) {
    EXPECT_NE(says(options).find(what), std::string::npos) << says(options);
  };
  expect({0, "a:1", "", "a:2"}, "together");
  expect({0, "a:2", "a:1", "a:3"}, "larger");
  expect({0, "a:1", "a:1x2", "a:1x2"}, "numbers of sides");
  expect({0, "a:1", "b:1", "a:1"}, "other inputs");
  expect({0, "a:1,a:1", "a:1", "a:1"}, "twice");
  for (const std::string bad : {"1x3", "a", "a:", ":1", "a:0", "a:-1", "a:1x", "a:1,", "a:1X2", "a:99999999999999999999"}) {
    expect({0, bad, bad, bad}, "not a shape");
  }
}

}  // namespace
}  // namespace goshawk::runtime
