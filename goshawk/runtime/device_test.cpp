#include "goshawk/runtime/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "goshawk/core/error.h"
#include "goshawk/core/testing.h"
#include "goshawk/runtime/device_check.h"

namespace goshawk::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ParseDevice, ReadsWhatToStringWrites) {
  for (const std::string text : {"auto", "cpu", "openvino", "cuda:0", "cuda:3", "tensorrt:1", "tensorrt-rtx:12"}) {
    EXPECT_EQ(to_string(parse_device(text)), text);
  }
  EXPECT_EQ(parse_device("cuda"), (Device{DeviceKind::kCuda, 0}));
}

TEST(ParseDevice, RefusesEverythingElse) {
  for (const std::string text :
       {"", "gpu", "CPU", "cpu:0", "openvino:1", "cuda:", "cuda:-1", "cuda:x", "cuda:1234", "cuda:1:2", " cpu"}) {
    SCOPED_TRACE(text);
    EXPECT_THAT(text_of_error([&] { parse_device(text); }, ErrorCode::kUsage), HasSubstr("tensorrt-rtx"));
  }
}

TEST(ExecutionProvider, HasTheNameThatOnnxRuntimeGivesIt) {
  const std::vector<std::string_view> names{"CPUExecutionProvider", "OpenVINOExecutionProvider", "CUDAExecutionProvider",
                                            "TensorrtExecutionProvider", "NvTensorRTRTXExecutionProvider"};
  std::vector<std::string_view> found;
  for (const std::string device : {"cpu", "openvino", "cuda", "tensorrt", "tensorrt-rtx"})
    found.push_back(execution_provider(parse_device(device).kind));
  EXPECT_EQ(found, names);
  EXPECT_EQ(execution_provider(DeviceKind::kAuto), "");
}

TEST(ParsePrecision, KnowsFourWords) {
  for (const std::string text : {"auto", "fp32", "bf16", "fp16"}) EXPECT_EQ(to_string(parse_precision(text)), text);
  EXPECT_THROW(parse_precision("int8"), Error);
}

TEST(CheckDevice, SaysWhatIsNotThere) {
  EXPECT_NO_THROW(check_device({DeviceKind::kCpu, 0}, Precision::kAuto));
  for (const auto& [device, precision] :
       {std::pair(Device{DeviceKind::kCpu, 0}, Precision::kFp16), {Device{DeviceKind::kTensorRt, 99}, Precision::kAuto}}) {
    SCOPED_TRACE(to_string(device));
    text_of_error([&] { check_device(device, precision); }, ErrorCode::kUnavailable);
  }
}

TEST(ListDevices, HasEachKindInTheOrderOfAutoAndSaysWhatIsMissing) {
  const auto list = list_devices();
  ASSERT_EQ(list.size(), 5U);
  EXPECT_EQ(list.front().device.kind, DeviceKind::kTensorRtRtx);
  EXPECT_EQ(list.back().device.kind, DeviceKind::kCpu);
  EXPECT_TRUE(list.back().available);
  for (const auto& status : list) {
    EXPECT_EQ(status.reason.empty(), status.available) << to_string(status.device);
    EXPECT_EQ(status.provider.empty(), !status.available) << to_string(status.device);
    const auto says_what_to_do =
        ::testing::AnyOf(HasSubstr("Install"), HasSubstr("Unpack"), HasSubstr("Build"), HasSubstr("Run"), IsEmpty());
    EXPECT_THAT(status.reason, says_what_to_do) << to_string(status.device);
  }
}

}  // namespace
}  // namespace goshawk::runtime
