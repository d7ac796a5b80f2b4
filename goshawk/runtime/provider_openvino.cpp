#include "goshawk/runtime/provider_openvino.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "goshawk/core/error.h"
#include "goshawk/core/processor.h"
#include "goshawk/runtime/environment.h"

namespace goshawk::runtime {
namespace {

bool has_word(const std::string& words, std::string_view word) {
  const std::string padded = " " + words + " ";
  return padded.find(" " + std::string(word) + " ") != std::string::npos;
}

/// `capabilities`: OpenVINO's OPTIMIZATION_CAPABILITIES, for instance "BF16 WINOGRAD FP32 FP16 INT8".
Precision choose_precision(Precision wanted, const std::string& capabilities) {
  const bool bf16 = has_word(capabilities, "BF16");
  const bool fp16 = has_word(capabilities, "FP16");
  if (wanted == Precision::kAuto) return bf16 && bfloat16_is_fast() ? Precision::kBf16 : Precision::kFp32;
  if ((wanted == Precision::kBf16 && !bf16) || (wanted == Precision::kFp16 && !fp16)) {
    throw Error(ErrorCode::kUnavailable, "this CPU has no instructions for " + std::string(to_string(wanted)), "--precision",
                "Use --precision auto or fp32; OpenVINO says that it can do: " + capabilities);
  }
  return wanted;
}

std::string configuration(Precision precision, int threads, int parallel_runs) {
  const char* hint = precision == Precision::kBf16 ? "bf16" : precision == Precision::kFp16 ? "f16" : "f32";
  // A pinned thread waits for its core while another thread of the pipeline has it (docs/decisions/030).
  const nlohmann::json cpu{{"INFERENCE_NUM_THREADS", std::to_string(threads)},
                           {"INFERENCE_PRECISION_HINT", hint},
                           {"ENABLE_CPU_PINNING", "NO"},
                           {"NUM_STREAMS", std::to_string(parallel_runs)}};
  return nlohmann::json{{"CPU", cpu}}.dump();
}

/// oneTBB opens one of its parts with RTLD_DEEPBIND, on which a sanitizer ends the process; its own switch prevents that
/// (from version 2021.9 on: the one beside the plug-in, not Debian 12's).
bool forbidden_by_sanitizer() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return std::getenv("TBB_ENABLE_SANITIZERS") == nullptr;
#else
  return false;
#endif
}

}  // namespace

bool openvino_is_present() { return !forbidden_by_sanitizer() && find_plugin(kOpenVinoPlugin); }

Provider make_openvino(Precision precision, int threads, int parallel_runs) {
  if (forbidden_by_sanitizer()) {
    throw Error(ErrorCode::kUnavailable, "OpenVINO cannot be loaded into a program that was built with sanitizers",
                "--device", "Build without them, or use --device cpu");
  }
  const auto plugin = find_plugin(kOpenVinoPlugin);
  if (!plugin) {
    throw Error(ErrorCode::kUnavailable, "the OpenVINO plug-in (" + std::string(kOpenVinoPlugin) + ") is not installed",
                "--device",
                "Run tools/setup, or unpack the wheel onnxruntime-ep-openvino and set GOSHAWK_PROVIDER_PATH to its folder");
  }
  auto& environment = Environment::instance();
  // The plug-in offers several "devices" on one CPU; OpenVINOExecutionProvider.AUTO loads more than is needed.
  const auto name = execution_provider(DeviceKind::kOpenVino);
  auto devices = environment.devices(*plugin, name, OrtHardwareDeviceType_CPU);
  if (devices.empty()) {
    throw Error(ErrorCode::kUnavailable, "OpenVINO does not support this CPU", plugin->string(), "Use --device cpu");
  }
  devices.resize(1);
  Provider provider;
  provider.device = {DeviceKind::kOpenVino, 0};
  provider.precision = choose_precision(precision, device_metadata(devices[0], "OPTIMIZATION_CAPABILITIES"));
  provider.name = std::string(name) + " " + device_metadata(devices[0], "version");
  provider.hardware = device_metadata(devices[0], "FULL_DEVICE_NAME");
  provider.parallel_runs = parallel_runs;
  provider.keeps = Keeps::kCompiledModel;
  provider.settings = configuration(provider.precision, threads, parallel_runs);
  provider.append = [devices, settings = provider.settings](Ort::SessionOptions& options, const std::filesystem::path&) {
    options.AppendExecutionProvider_V2(Environment::instance().ort(), devices,
                                       std::unordered_map<std::string, std::string>{{"load_config", settings}});
  };
  return provider;
}

}  // namespace goshawk::runtime
