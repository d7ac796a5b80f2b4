// The OpenVINO execution provider (plug-in) on the CPU. Private: it includes ONNX Runtime's header.
#pragma once

#include "goshawk/runtime/provider.h"

namespace goshawk::runtime {

inline constexpr std::string_view kOpenVinoPlugin = "libonnxruntime_providers_openvino_plugin.so";

/// Looks for the plug-in's file only.
bool openvino_is_present();

/// kAuto is bf16 where that is fast (core/processor.h), else fp32; OpenVINO itself would take bf16 on every CPU that has it.
/// Throws as `make_provider` does.
Provider make_openvino(Precision precision, int threads, int parallel_runs);

}  // namespace goshawk::runtime
