// Which hardware and arithmetic a model runs on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace goshawk::runtime {

enum class DeviceKind { kAuto, kCpu, kOpenVino, kCuda, kTensorRt, kTensorRtRtx };
enum class Precision { kAuto, kFp32, kBf16, kFp16 };

/// A device as the user names it: `auto`, `cpu`, `openvino`, `cuda[:N]`, `tensorrt[:N]`, `tensorrt-rtx[:N]`.
struct Device {
  DeviceKind kind = DeviceKind::kAuto;
  int index = 0;  // of the GPU
  bool operator==(const Device&) const = default;
};

/// Whether it is a graphics card, with memory of its own and a number.
bool is_gpu(DeviceKind kind);
/// Whether its provider compiles a model into something that can be kept, and runs it as one node.
bool compiles(DeviceKind kind);

/// Throw Error{kUsage} with the allowed words.
Device parse_device(std::string_view text);
Precision parse_precision(std::string_view text);
std::string to_string(const Device& device);
std::string_view to_string(Precision precision);

/// The name of the device's execution provider in ONNX Runtime: "CPUExecutionProvider". Empty for kAuto.
std::string_view execution_provider(DeviceKind kind);

/// What this machine can run on now.
struct DeviceStatus {
  Device device;
  bool available = false;
  std::string provider;  // execution provider's name and version
  std::string hardware;  // "Intel(R) Xeon(R) Processor", "NVIDIA H200"
  std::string reason;    // why it is not available, and what to install
};

/// Every kind of device, in the order in which `auto` tries them (TensorRT-RTX, TensorRT, CUDA, OpenVINO, CPU).
std::vector<DeviceStatus> list_devices();

}  // namespace goshawk::runtime
