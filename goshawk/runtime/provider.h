// Execution providers: which are present, and how each is put into a session. Private: it includes ONNX Runtime's header.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/runtime/device.h"
#include "goshawk/runtime/engine_options.h"

namespace goshawk::runtime {

/// What a provider can keep between starts.
enum class Keeps {
  kNothing,
  kCompiledModel,  // ONNX Runtime writes a model with EPContext nodes, which is loaded instead of the original
  kEngineFolder,   // the provider reads and writes files in a folder that it is told (TensorRT)
};

/// One provider on one device, ready to be put into a session's options.
struct Provider {
  Device device;  // never kAuto
  int parallel_runs = 1;
  Precision precision = Precision::kFp32;  // never kAuto
  std::string name;                        // "OpenVINOExecutionProvider 1.8.1"
  std::string hardware;                    // "Intel(R) Xeon(R) Processor"
  std::string driver = "none";             // version of the GPU's driver: "550.54.15"
  std::string library = "none";            // version of the library that compiles: "10.3.0.26" of TensorRT
  std::string settings;                    // what else a compiled model depends on, in the provider's words
  Keeps keeps = Keeps::kNothing;
  /// Adds the provider; `engines` is the folder of kEngineFolder, empty for none. Throws Ort::Exception.
  std::function<void(Ort::SessionOptions&, const std::filesystem::path& engines)> append;
};

/// What a provider is asked for.
struct ProviderWishes {
  Precision precision = Precision::kAuto;
  int threads = 1;            // of CPUs
  int parallel_runs = 1;      // of OpenVINO
  EngineOptions engine = {};  // of TensorRT and TensorRT-RTX
  bool eight_bits = false;    // the model has Q/DQ pairs
};

/// The provider for a device (not kAuto). Throws Error{kUnavailable} with what is missing and what to install, also for a
/// precision that the device does not have, and {kBadConfig} for engine options that make no sense. Loads the provider's
/// library.
Provider make_provider(const Device& device, const ProviderWishes& wishes);

/// The devices that `auto` tries on this machine, fastest first, CPU last. Looks for files only.
std::vector<Device> automatic_devices();

/// Folders that are searched for plug-ins: GOSHAWK_PROVIDER_PATH (a list separated by colons), ../lib/goshawk/providers
/// beside the program, and where this build's own plug-ins are.
std::vector<std::filesystem::path> provider_folders();
/// The first file of this name in these folders or in a folder right below them.
std::optional<std::filesystem::path> find_plugin(std::string_view file_name);

}  // namespace goshawk::runtime
