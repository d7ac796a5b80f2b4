#include "goshawk/runtime/device.h"

#include <array>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"

namespace goshawk::runtime {
namespace {

constexpr std::array<std::pair<DeviceKind, std::string_view>, 6> kDevices{{{DeviceKind::kAuto, "auto"},
                                                                           {DeviceKind::kCpu, "cpu"},
                                                                           {DeviceKind::kOpenVino, "openvino"},
                                                                           {DeviceKind::kCuda, "cuda"},
                                                                           {DeviceKind::kTensorRt, "tensorrt"},
                                                                           {DeviceKind::kTensorRtRtx, "tensorrt-rtx"}}};
constexpr std::array<std::pair<Precision, std::string_view>, 4> kPrecisions{
    {{Precision::kAuto, "auto"}, {Precision::kFp32, "fp32"}, {Precision::kBf16, "bf16"}, {Precision::kFp16, "fp16"}}};

// In the order of DeviceKind.
constexpr std::array<std::string_view, 6> kProviders{"",
                                                     "CPUExecutionProvider",
                                                     "OpenVINOExecutionProvider",
                                                     "CUDAExecutionProvider",
                                                     "TensorrtExecutionProvider",
                                                     "NvTensorRTRTXExecutionProvider"};

template <typename Table>
[[noreturn]] void refuse(std::string_view what, std::string_view given, const Table& table) {
  std::vector<std::string> words;
  std::string all;
  for (const auto& [value, word] : table) {
    words.emplace_back(word);
    all += (all.empty() ? "" : ", ") + words.back();
  }
  throw Error(ErrorCode::kUsage,
              "unknown " + std::string(what) + " '" + std::string(given) + "'" + did_you_mean(given, words), "",
              "Choose one of " + all);
}

}  // namespace

bool is_gpu(DeviceKind kind) {
  return kind == DeviceKind::kCuda || kind == DeviceKind::kTensorRt || kind == DeviceKind::kTensorRtRtx;
}

bool compiles(DeviceKind kind) {
  return kind == DeviceKind::kOpenVino || kind == DeviceKind::kTensorRt || kind == DeviceKind::kTensorRtRtx;
}

Device parse_device(std::string_view text) {
  const auto colon = text.find(':');
  const std::string_view word = text.substr(0, colon);
  for (const auto& [kind, name] : kDevices) {
    if (name != word) continue;
    if (colon == std::string_view::npos) return {kind, 0};
    const std::string_view digits = text.substr(colon + 1);
    const bool number =
        !digits.empty() && digits.size() <= 3 && digits.find_first_not_of("0123456789") == std::string_view::npos;
    if (is_gpu(kind) && number) return {kind, std::stoi(std::string(digits))};
    break;
  }
  refuse("device", text, kDevices);
}

Precision parse_precision(std::string_view text) {
  for (const auto& [value, name] : kPrecisions) {
    if (name == text) return value;
  }
  refuse("precision", text, kPrecisions);
}

std::string to_string(const Device& device) {
  std::string text(kDevices.at(static_cast<std::size_t>(device.kind)).second);
  if (is_gpu(device.kind)) text += ":" + std::to_string(device.index);
  return text;
}

std::string_view execution_provider(DeviceKind kind) { return kProviders.at(static_cast<std::size_t>(kind)); }

std::string_view to_string(Precision precision) { return kPrecisions.at(static_cast<std::size_t>(precision)).second; }

}  // namespace goshawk::runtime
