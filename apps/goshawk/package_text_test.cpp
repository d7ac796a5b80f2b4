#include "apps/goshawk/package_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace goshawk::cli {
namespace {

using ::testing::HasSubstr;

// Expected by the manual pages: systemd.syntax(7), systemd.unit(5), systemd.service(5).
TEST(PackageUnit, QuotesTheModelsPathWhereItMustBe) {
  EXPECT_THAT(package_unit("street", "models/yolov8n.onnx"),
              HasSubstr(" --model /opt/street/models/yolov8n.onnx --project "));
  EXPECT_THAT(package_unit("street", "models/100%.onnx"), HasSubstr(" --model /opt/street/models/100%%.onnx --project "));
  EXPECT_THAT(package_unit("street", "models/a b 50%.onnx"),
              HasSubstr(R"( --model "/opt/street/models/a b 50%%.onnx" --project )"));
  EXPECT_THAT(package_unit("street", R"(models/'$x"\;.onnx)"),
              HasSubstr(R"( --model "/opt/street/models/'$$x\"\\;.onnx" --project )"));
  EXPECT_THAT(package_unit("street", "models/a\nb.onnx"),
              HasSubstr(R"( --model "/opt/street/models/a\x0ab.onnx" --project )"));
}

}  // namespace
}  // namespace goshawk::cli
