// The OpenVINO execution provider (plug-in) on the CPU. Private: it includes ONNX Runtime's header.
#pragma once

#include "goshawk/runtime/provider.h"

namespace goshawk::runtime {

inline constexpr std::string_view kOpenVinoPlugin = "libonnxruntime_providers_openvino_plugin.so";

/// Looks for the plug-in's file only.
bool openvino_is_present();

/// kAuto is what OpenVINO itself would take: bf16 on CPUs with bf16 instructions, else fp32. Throws as `make_provider` does.
Provider make_openvino(Precision precision, int threads, int parallel_runs);

}  // namespace goshawk::runtime
