#include "goshawk/runtime/provider_nvidia.h"

#include <dlfcn.h>

#include <fstream>
#include <map>
#include <memory>
#include <unordered_map>

#include "goshawk/core/error.h"
#include "goshawk/runtime/environment.h"
#include "goshawk/runtime/loaded_library.h"
#include "goshawk/runtime/memory.h"

namespace goshawk::runtime {
namespace {

namespace fs = std::filesystem;
using Options = std::map<std::string, std::string>;

constexpr std::string_view kRtxPlugin = "libonnxruntime_providers_nv_tensorrt_rtx.so";

/// CUDA and TensorRT providers are looked for beside libonnxruntime.so itself.
fs::path runtime_folder() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&OrtGetApiBase), &info) == 0 || info.dli_fname == nullptr) return {};
  std::error_code ignored;
  return fs::weakly_canonical(info.dli_fname, ignored).parent_path();
}

/// As NVML tells it, else the kernel's module.
std::string driver_version(const std::optional<GpuStatus>& card) {
  std::string version = card ? card->driver : "";
  if (version.empty()) std::ifstream("/sys/module/nvidia/version") >> version;
  return version.empty() ? "none" : version;
}

std::string provider_file(DeviceKind kind) {
  return kind == DeviceKind::kTensorRt ? "libonnxruntime_providers_tensorrt.so" : "libonnxruntime_providers_cuda.so";
}

[[noreturn]] void unavailable(const Device& device, const std::string& why, const std::string& hint) {
  throw Error(ErrorCode::kUnavailable, "the device " + to_string(device) + " cannot be used: " + why, "--device", hint);
}

void require_precision(const Device& device, Precision precision) {
  if (device.kind == DeviceKind::kTensorRt || precision == Precision::kAuto || precision == Precision::kFp32) return;
  throw Error(ErrorCode::kUnavailable,
              to_string(device) + " computes in the precision that the model is stored in, not in " +
                  std::string(to_string(precision)) + " on demand",
              "--precision", "Use --precision auto with a float16 model, or --device tensorrt");
}

Options cuda_options(const Device& device, Precision precision) {
  return {{"device_id", std::to_string(device.index)},
          {"use_tf32", precision == Precision::kFp32 ? "0" : "1"},
          {"cudnn_conv_algo_search", "HEURISTIC"},  // EXHAUSTIVE takes seconds at each new shape
          {"arena_extend_strategy", "kSameAsRequested"}};
}

void append_cuda(Ort::SessionOptions& session, const Options& options) {
  OrtCUDAProviderOptionsV2* raw = nullptr;
  Ort::ThrowOnError(Ort::GetApi().CreateCUDAProviderOptions(&raw));
  const std::unique_ptr<OrtCUDAProviderOptionsV2, void (*)(OrtCUDAProviderOptionsV2*)> owner(
      raw, [](OrtCUDAProviderOptionsV2* p) { Ort::GetApi().ReleaseCUDAProviderOptions(p); });
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : options) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  Ort::ThrowOnError(Ort::GetApi().UpdateCUDAProviderOptions(raw, keys.data(), values.data(), keys.size()));
  session.AppendExecutionProvider_CUDA_V2(*raw);
}

void append_tensorrt(Ort::SessionOptions& session, const Options& options) {
  OrtTensorRTProviderOptionsV2* raw = nullptr;
  Ort::ThrowOnError(Ort::GetApi().CreateTensorRTProviderOptions(&raw));
  const std::unique_ptr<OrtTensorRTProviderOptionsV2, void (*)(OrtTensorRTProviderOptionsV2*)> owner(
      raw, [](OrtTensorRTProviderOptionsV2* p) { Ort::GetApi().ReleaseTensorRTProviderOptions(p); });
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : options) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  Ort::ThrowOnError(Ort::GetApi().UpdateTensorRTProviderOptions(raw, keys.data(), values.data(), keys.size()));
  session.AppendExecutionProvider_TensorRT_V2(*raw);
}

Provider make_rtx(Provider provider, const EngineOptions& engine) {
  const auto plugin = find_plugin(kRtxPlugin);
  const auto name = execution_provider(DeviceKind::kTensorRtRtx);
  auto devices = Environment::instance().devices(*plugin, name, OrtHardwareDeviceType_GPU);
  const auto index = static_cast<std::size_t>(provider.device.index);
  if (index >= devices.size()) {
    unavailable(provider.device, "TensorRT-RTX offers " + std::to_string(devices.size()) + " GPUs",
                "It needs a GeForce RTX 30 or newer, or a data-centre GPU of that age");
  }
  devices = {devices[index]};
  provider.name = std::string(name) + " " + device_metadata(devices[0], "version");
  provider.library = loaded_library_version("libtensorrt_rtx.so");
  provider.keeps = Keeps::kCompiledModel;
  const auto options = tensorrt_rtx_options(engine);
  const std::unordered_map<std::string, std::string> unordered(options.begin(), options.end());
  provider.append = [devices, unordered](Ort::SessionOptions& session, const fs::path&) {
    session.AppendExecutionProvider_V2(Environment::instance().ort(), devices, unordered);
  };
  return provider;
}

Provider make_classic(Provider provider, const ProviderWishes& wishes) {
  const Device device = provider.device;
  const bool tensorrt = device.kind == DeviceKind::kTensorRt;
  provider.name = std::string(execution_provider(device.kind)) + " " + Ort::GetVersionString();
  provider.keeps = tensorrt ? Keeps::kEngineFolder : Keeps::kNothing;
  provider.append = [device, wishes, tensorrt](Ort::SessionOptions& session, const fs::path& engines) {
    const Precision wanted = wishes.precision;
    if (tensorrt) append_tensorrt(session, tensorrt_options(device, wanted, wishes.eight_bits, wishes.engine, engines));
    append_cuda(session, cuda_options(device, wanted));  // takes what TensorRT leaves
  };
  try {
    Ort::SessionOptions probe;  // loads the provider's library, which needs CUDA, cuDNN or TensorRT
    provider.append(probe, {});
  } catch (const Ort::Exception& error) {
    unavailable(device, one_line(error.what()),
                tensorrt ? "Install CUDA, cuDNN 9 and TensorRT 10 where the loader finds them (docs/devices.md)"
                         : "Install CUDA and cuDNN 9 where the loader finds them (docs/devices.md)");
  }
  if (tensorrt) provider.library = loaded_library_version("libnvinfer.so");
  return provider;
}

}  // namespace

std::string missing_for_nvidia(const Device& device) {
  if (!has_nvidia_driver()) return "this machine has no NVIDIA driver (/proc/driver/nvidia, /dev/nvidiactl)";
  if (device.kind == DeviceKind::kTensorRtRtx) {
    return find_plugin(kRtxPlugin) ? "" : "the plug-in " + std::string(kRtxPlugin) + " is in none of the provider folders";
  }
  const fs::path folder = runtime_folder();
  for (const auto kind : {device.kind, DeviceKind::kCuda}) {
    std::error_code ignored;
    if (!fs::exists(folder / provider_file(kind), ignored)) return provider_file(kind) + " is not beside libonnxruntime.so";
  }
  return {};
}

Provider make_nvidia(const Device& device, const ProviderWishes& wishes) {
  const Precision precision = wishes.precision;
  if (device.kind != DeviceKind::kCuda) check_engine_options(wishes.engine);
  if (const std::string missing = missing_for_nvidia(device); !missing.empty()) {
    const bool driver = has_nvidia_driver();
    unavailable(
        device, missing,
        !driver ? "Install NVIDIA's driver, or use --device auto"
        : device.kind == DeviceKind::kTensorRtRtx
            ? "Unpack the wheel onnxruntime-ep-nv-tensorrt-rtx-cu13 and set GOSHAWK_PROVIDER_PATH and LD_LIBRARY_PATH to "
              "its folder (docs/devices.md)"
            : "Build with ONNX Runtime's GPU archive (-DOnnxRuntime_ROOT), or put the libraries of the wheel "
              "onnxruntime-gpu of the same version beside libonnxruntime.so");
  }
  require_precision(device, precision);
  const auto card = gpu(device.index);
  if (!card && !gpus().empty())
    unavailable(device, "there are only " + std::to_string(gpus().size()) + " GPUs", "Use a smaller number");
  Provider provider;
  provider.device = device;
  provider.precision = precision == Precision::kAuto ? Precision::kFp32 : precision;
  provider.hardware = card ? card->name : "NVIDIA GPU";
  provider.driver = driver_version(card);
  if (device.kind != DeviceKind::kCuda) provider.settings = to_text(wishes.engine);
  return device.kind == DeviceKind::kTensorRtRtx ? make_rtx(std::move(provider), wishes.engine)
                                                 : make_classic(std::move(provider), wishes);
}

}  // namespace goshawk::runtime
