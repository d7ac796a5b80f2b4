// The one ONNX Runtime environment of this process. Private to runtime/: it includes ONNX Runtime's header.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace goshawk::runtime {

/// ONNX Runtime allows one environment a process; execution-provider plug-ins are registered with it, each once.
/// Thread-safe.
class Environment {
 public:
  /// Made on first use and never destroyed: sessions and provider threads may outlive any order of static destruction.
  static Environment& instance();

  Ort::Env& ort() { return ort_; }
  /// Threads of the pool that sessions may share: all cores of this process. An allocator for their memory is registered, too.
  int shared_threads() const { return shared_threads_; }

  /// The devices that the plug-in file offers under exactly `provider`, CPUs (or GPUs) only. Registers the plug-in under
  /// that name when it is new: TensorRT-RTX's calls its devices what it is registered as. Throws Error{kUnavailable} when it
  /// cannot be loaded, at each call.
  std::vector<Ort::ConstEpDevice> devices(const std::filesystem::path& plugin, std::string_view provider,
                                          OrtHardwareDeviceType type);

 private:
  Environment();
  void register_plugin(const std::filesystem::path& plugin, std::string_view provider);

  const int shared_threads_;
  Ort::Env ort_;
  std::mutex mutex_;
  std::map<std::filesystem::path, std::string> plugins_;  // path -> why it failed; empty when registered
};

/// Value of a plug-in device's metadata; empty where there is none.
std::string device_metadata(Ort::ConstEpDevice device, const char* key);

/// ONNX Runtime's message in one line of at most 300 characters.
std::string one_line(std::string_view message);

}  // namespace goshawk::runtime
