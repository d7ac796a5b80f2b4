#include "goshawk/runtime/environment.h"

#include <algorithm>

#include "goshawk/core/error.h"
#include "goshawk/core/machine.h"

namespace goshawk::runtime {
namespace {

/// Everything that matters comes back as an exception; log lines of the libraries would only break the program's output.
void ORT_API_CALL ignore_log(void*, OrtLoggingLevel, const char*, const char*, const char*, const char*) {}

Ort::ThreadingOptions shared_pool(int threads) {
  Ort::ThreadingOptions options;
  options.SetGlobalIntraOpNumThreads(threads).SetGlobalInterOpNumThreads(1);
  options.SetGlobalSpinControl(0);  // docs/decisions/030
  return options;
}

}  // namespace

Environment& Environment::instance() {
  static Environment* const environment = new Environment;
  return *environment;
}

Environment::Environment()
    : shared_threads_(usable_cores()),
      ort_(shared_pool(shared_threads_), ignore_log, nullptr, ORT_LOGGING_LEVEL_ERROR, "goshawk") {
  ort_.DisableTelemetryEvents();
  ort_.CreateAndRegisterAllocator(Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault),
                                  Ort::ArenaCfg(0, -1, -1, -1));
}

void Environment::register_plugin(const std::filesystem::path& plugin, std::string_view provider) {
  const auto known = plugins_.find(plugin);
  if (known == plugins_.end()) {
    std::string failure;
    try {
      ort_.RegisterExecutionProviderLibrary(std::string(provider).c_str(), plugin);
    } catch (const Ort::Exception& error) {
      failure = one_line(error.what());
    }
    plugins_[plugin] = failure;
  }
  if (const auto& failure = plugins_[plugin]; !failure.empty()) {
    throw Error(ErrorCode::kUnavailable, "the execution-provider plug-in cannot be loaded: " + failure, plugin.string(),
                "Install the plug-in's own libraries beside it, or remove it (docs/devices.md)");
  }
}

std::vector<Ort::ConstEpDevice> Environment::devices(const std::filesystem::path& plugin, std::string_view provider,
                                                     OrtHardwareDeviceType type) {
  const std::lock_guard lock(mutex_);
  register_plugin(plugin, provider);
  std::vector<Ort::ConstEpDevice> devices;
  for (const auto& device : ort_.GetEpDevices()) {
    if (device.EpName() == provider && device.Device().Type() == type &&
        device_metadata(device, "library_path") == plugin.string()) {
      devices.push_back(device);
    }
  }
  return devices;
}

std::string device_metadata(Ort::ConstEpDevice device, const char* key) {
  const char* value = device.EpMetadata().GetValue(key);
  return value != nullptr ? value : "";
}

std::string one_line(std::string_view message) {
  constexpr std::size_t kLongest = 300;
  std::string line;
  for (const char c : message) {
    const bool space = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (!space) line += c;
    if (space && !line.empty() && line.back() != ' ') line += ' ';
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  // "Check 'false' failed at src/x.cpp:151: What happened": OpenVINO's position in its own source says nothing to a user.
  while (line.starts_with("Check '")) {
    const auto at = line.find(" failed at ");
    const auto end = at == std::string::npos ? at : line.find(": ", at);
    if (end == std::string::npos) break;
    line.erase(0, end + 2);
  }
  if (line.size() > kLongest) line = line.substr(0, kLongest) + "...";
  return line;
}

}  // namespace goshawk::runtime
