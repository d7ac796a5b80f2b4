// The published models of ../shared: what is recognised, and that recordings hold on every device present.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "goshawk/core/error.h"
#include "goshawk/detect/conformance.h"
#include "goshawk/detect/detector.h"
#include "goshawk/detect/testing_onnx.h"

namespace goshawk::detect {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class SharedModels : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(models_ / "yolox_nano.onnx")) GTEST_SKIP() << "needs the models of " << GOSHAWK_SHARED_DATA;
  }
  static DetectorOptions options() {
    DetectorOptions options;
    options.session.device.kind = runtime::DeviceKind::kCpu;
    options.session.warm_up = false;
    return options;
  }
  std::string error_of(const std::string& name) const {
    try {
      Detector::load(models_ / name, options());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadConfig);
      return error.describe();
    }
    return "no error";
  }
  fs::path models_ = fs::path(GOSHAWK_SHARED_DATA) / "models";
};

TEST_F(SharedModels, AreRecognised) {
  const auto family_of = [&](const std::string& name) { return Detector::load(models_ / name, options())->recipe().family; };
  EXPECT_EQ(family_of("yolox_nano.onnx"), Family::kYolox);
  EXPECT_EQ(family_of("nanodet.onnx"), Family::kNanoDet);
  EXPECT_EQ(family_of("face_yunet.onnx"), Family::kYuNet);
  EXPECT_EQ(family_of("foreign/yolov5n-tiny.onnx"), Family::kYoloV8);  // Ultralytics' v5u has no objectness
  EXPECT_EQ(family_of("foreign/yolov8n-tiny-nms.onnx"), Family::kYoloEnd2End);
  EXPECT_EQ(family_of("foreign/yolo26n-tiny.onnx"), Family::kYoloEnd2End);
}

TEST_F(SharedModels, ThatAreNoDetectorsGetOneClearError) {
  EXPECT_THAT(error_of("silero_vad.onnx"), HasSubstr("no image detector"));
  EXPECT_THAT(error_of("osnet_x0_25.onnx"), HasSubstr("no detector that goshawk knows"));
}

TEST_F(SharedModels, RecordingsHoldOnEveryDeviceOfThisMachine) {
  const TemporaryFolder folder;
  const fs::path recorded = folder.path() / "recorded.onnx";
  for (const char* name : {"yolox_nano.onnx"}) {
    write_conformance(models_ / name, recorded, record_conformance(models_ / name, {}, options().session));
    for (const auto& status : runtime::list_devices()) {
      if (!status.available) continue;
      for (const auto precision : {runtime::Precision::kFp32, runtime::Precision::kAuto}) {
        runtime::SessionOptions session = options().session;
        session.device = status.device;
        session.precision = precision;
        const ConformanceReport report = verify_conformance(recorded, session);
        EXPECT_TRUE(report.passed()) << name << "\n" << to_json(report).dump(2);
        for (const auto& result : report.results) EXPECT_GT(result.expected, 0) << name;
      }
    }
  }
}

}  // namespace
}  // namespace goshawk::detect
