#include "goshawk/runtime/environment.h"

#include <gtest/gtest.h>

#include "goshawk/runtime/device.h"

namespace goshawk::runtime {
namespace {

TEST(Environment, FindsDevicesThatAreCalledWhatTheirPluginIsRegisteredAs) {
  const auto name = execution_provider(DeviceKind::kTensorRtRtx);
  auto& environment = Environment::instance();
  const auto devices = environment.devices(GOSHAWK_ECHO_PLUGIN, name, OrtHardwareDeviceType_CPU);
  ASSERT_EQ(devices.size(), 1U);
  EXPECT_EQ(devices[0].EpName(), name);
  EXPECT_EQ(device_metadata(devices[0], "version"), "1.2.3");
  EXPECT_TRUE(environment.devices(GOSHAWK_ECHO_PLUGIN, "OtherExecutionProvider", OrtHardwareDeviceType_CPU).empty());
}

}  // namespace
}  // namespace goshawk::runtime
