#include "goshawk/runtime/loaded_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "goshawk/runtime/device.h"
#include "goshawk/runtime/environment.h"

namespace goshawk::runtime {
namespace {

TEST(LoadedLibrary, TellsItsVersionAsTensorRtDoesOrByItsFile) {
  const auto provider = execution_provider(DeviceKind::kTensorRtRtx);
  Environment::instance().devices(GOSHAWK_ECHO_PLUGIN, provider, OrtHardwareDeviceType_CPU);
  EXPECT_EQ(loaded_library_version("libgoshawk_echo_plugin.so"), "10.3.0.26");
  EXPECT_THAT(loaded_library_version("libstdc++.so"), ::testing::MatchesRegex("6\\.[0-9.]+"));
  EXPECT_EQ(loaded_library_version("libnvinfer.so"), "none");
}

}  // namespace
}  // namespace goshawk::runtime
