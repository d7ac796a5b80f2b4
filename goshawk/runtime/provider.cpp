#include "goshawk/runtime/provider.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "goshawk/core/error.h"
#include "goshawk/core/machine.h"
#include "goshawk/runtime/device_check.h"
#include "goshawk/runtime/environment.h"
#include "goshawk/runtime/provider_nvidia.h"
#include "goshawk/runtime/provider_openvino.h"

namespace goshawk::runtime {
namespace {

namespace fs = std::filesystem;

Provider make_cpu(Precision precision) {
  if (precision != Precision::kAuto && precision != Precision::kFp32) {
    throw Error(ErrorCode::kUnavailable, "the device cpu computes in fp32 only, not in " + std::string(to_string(precision)),
                "--precision", "Use --precision auto, or --device openvino");
  }
  Provider provider;
  provider.device = {DeviceKind::kCpu, 0};
  provider.name = std::string(execution_provider(DeviceKind::kCpu)) + " " + Ort::GetVersionString();
  provider.hardware = describe_machine().processor;
  provider.append = [](Ort::SessionOptions&, const fs::path&) {};
  return provider;
}

}  // namespace

Provider make_provider(const Device& device, const ProviderWishes& wishes) {
  switch (device.kind) {
    case DeviceKind::kOpenVino:
      return make_openvino(wishes.precision, wishes.threads,
                           std::clamp(wishes.parallel_runs, 1, std::max(1, wishes.threads)));
    case DeviceKind::kCuda:
    case DeviceKind::kTensorRt:
    case DeviceKind::kTensorRtRtx:
      return make_nvidia(device, wishes);
    default:
      return make_cpu(wishes.precision);
  }
}

std::vector<Device> automatic_devices() {
  std::vector<Device> devices;
  for (const auto kind : {DeviceKind::kTensorRtRtx, DeviceKind::kTensorRt, DeviceKind::kCuda}) {
    if (missing_for_nvidia({kind, 0}).empty()) devices.push_back({kind, 0});
  }
  if (openvino_is_present()) devices.push_back({DeviceKind::kOpenVino, 0});
  devices.push_back({DeviceKind::kCpu, 0});
  return devices;
}

std::vector<fs::path> provider_folders() {
  std::vector<fs::path> folders;
  if (const char* chosen = std::getenv("GOSHAWK_PROVIDER_PATH"); chosen != nullptr) {
    const std::string_view list(chosen);
    for (std::size_t begin = 0; begin <= list.size();) {
      const auto end = std::min(list.find(':', begin), list.size());
      if (end > begin) folders.emplace_back(list.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  if (!program.empty()) folders.push_back(program.parent_path().parent_path() / "lib" / "goshawk" / "providers");
  folders.emplace_back(GOSHAWK_PROVIDER_DIR);
  return folders;
}

std::optional<fs::path> find_plugin(std::string_view file_name) {
  std::error_code ignored;
  for (const auto& folder : provider_folders()) {
    std::vector<fs::path> places{folder};
    for (const auto& item : fs::directory_iterator(folder, ignored)) places.push_back(item.path());
    std::sort(places.begin() + 1, places.end());
    for (const auto& place : places) {
      const fs::path file = place / file_name;
      if (fs::is_regular_file(file, ignored)) return fs::absolute(file);
    }
  }
  return std::nullopt;
}

void check_device(const Device& device, Precision precision) { make_provider(device, {.precision = precision}); }

std::vector<DeviceStatus> list_devices() {
  std::vector<DeviceStatus> list;
  for (const auto kind :
       {DeviceKind::kTensorRtRtx, DeviceKind::kTensorRt, DeviceKind::kCuda, DeviceKind::kOpenVino, DeviceKind::kCpu}) {
    DeviceStatus status;
    status.device = {kind, 0};
    try {
      const Provider provider = make_provider(status.device, {});
      status.available = true;
      status.provider = provider.name;
      status.hardware = provider.hardware;
    } catch (const Error& error) {
      status.reason = std::string(error.what()) + (error.hint().empty() ? "" : ". " + error.hint());
    }
    list.push_back(std::move(status));
  }
  return list;
}

}  // namespace goshawk::runtime
