#include "goshawk/runtime/engine_key.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "goshawk/runtime/engine_cache.h"
#include "goshawk/runtime/testing.h"

namespace goshawk::runtime {
namespace {

/// TensorRT as a machine with a GPU has it.
Provider tensorrt() {
  Provider provider;
  provider.device = {DeviceKind::kTensorRt, 0};
  provider.name = "TensorrtExecutionProvider 1.31.0";
  provider.hardware = "NVIDIA H100";
  provider.driver = "550.54.15";
  provider.library = "10.3.0.26";
  return provider;
}

TEST(EngineKey, AnEngineOfAnotherDriverOrLibraryIsNotFound) {
  const testing::TemporaryFolder folder;
  EngineCache cache(folder.path());
  const auto key_of = [](const Provider& provider) { return EngineCache::key_of(describe_engine({}, provider, 1)); };
  const auto staging = cache.begin(key_of(tensorrt()));
  std::ofstream(staging / "model.engine") << "engine";
  ASSERT_TRUE(cache.commit(staging, key_of(tensorrt()), describe_engine({}, tensorrt(), 1)));
  EXPECT_TRUE(cache.find(key_of(tensorrt())));
  auto other_driver = tensorrt();
  other_driver.driver = "550.90.07";
  EXPECT_FALSE(cache.find(key_of(other_driver)));
  auto other_library = tensorrt();
  other_library.library = "10.4.0.26";
  EXPECT_FALSE(cache.find(key_of(other_library)));
}

TEST(EngineKey, WithoutAGpuThereIsNeitherDriverNorLibrary) {
  const auto about = describe_engine({}, make_provider({DeviceKind::kCpu, 0}, {}), 1);
  EXPECT_EQ(about.at("driver"), "none");
  EXPECT_EQ(about.at("library"), "none");
}

}  // namespace
}  // namespace goshawk::runtime
