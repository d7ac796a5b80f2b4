// For tests: an execution-provider plug-in without a provider. It offers the CPU under the name that it is registered as, as
// NVIDIA's plug-in of TensorRT-RTX offers GPUs, and tells its version as TensorRT's libraries do.

#include <onnxruntime_c_api.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace {

const OrtApi* api = nullptr;
std::string name;
OrtEpFactory factory{};

OrtStatus* supported_devices(OrtEpFactory* self, const OrtHardwareDevice* const* devices, std::size_t count,
                             OrtEpDevice** offered, std::size_t most, std::size_t* number) noexcept {
  *number = 0;
  for (std::size_t i = 0; i < count && *number < most; ++i) {
    if (api->HardwareDevice_Type(devices[i]) != OrtHardwareDeviceType_CPU) continue;
    OrtStatus* failure = api->GetEpApi()->CreateEpDevice(self, devices[i], nullptr, nullptr, &offered[*number]);
    if (failure != nullptr) return failure;
    ++*number;
  }
  return nullptr;
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) OrtStatus* CreateEpFactories(const char* registration_name, const OrtApiBase* base,
                                                                    const OrtLogger*, OrtEpFactory** factories, std::size_t,
                                                                    std::size_t* number) {
  api = base->GetApi(ORT_API_VERSION);
  name = registration_name;
  factory.ort_version_supported = ORT_API_VERSION;
  factory.GetName = [](const OrtEpFactory*) noexcept { return name.c_str(); };
  factory.GetVendor = [](const OrtEpFactory*) noexcept { return "nobody"; };
  factory.GetVendorId = [](const OrtEpFactory*) noexcept { return std::uint32_t{0}; };
  factory.GetVersion = [](const OrtEpFactory*) noexcept { return "1.2.3"; };
  factory.GetSupportedDevices = supported_devices;
  factory.CreateEp = [](OrtEpFactory*, const OrtHardwareDevice* const*, const OrtKeyValuePairs* const*, std::size_t,
                        const OrtSessionOptions*, const OrtLogger*,
                        OrtEp**) noexcept { return api->CreateStatus(ORT_NOT_IMPLEMENTED, "there is no provider"); };
  factory.ReleaseEp = [](OrtEpFactory*, OrtEp*) noexcept {};
  factory.CreateDataTransfer = [](OrtEpFactory*, OrtDataTransferImpl** none) noexcept -> OrtStatus* {
    *none = nullptr;
    return nullptr;
  };
  factory.IsStreamAware = [](const OrtEpFactory*) noexcept { return false; };
  factories[0] = &factory;
  *number = 1;
  return nullptr;
}

__attribute__((visibility("default"))) OrtStatus* ReleaseEpFactory(OrtEpFactory*) { return nullptr; }

__attribute__((visibility("default"))) std::int32_t getInferLibMajorVersion() noexcept { return 10; }
__attribute__((visibility("default"))) std::int32_t getInferLibMinorVersion() noexcept { return 3; }
__attribute__((visibility("default"))) std::int32_t getInferLibPatchVersion() noexcept { return 0; }
__attribute__((visibility("default"))) std::int32_t getInferLibBuildVersion() noexcept { return 26; }

}  // extern "C"
