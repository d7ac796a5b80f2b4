// What engines of TensorRT and TensorRT-RTX are built with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "goshawk/runtime/device.h"

namespace goshawk::runtime {

/// Other devices take no notice of it.
struct EngineOptions {
  std::uint64_t workspace_bytes = 0;  // of GPU memory that building may take; 0: TensorRT decides
  // The optimisation profile of a model whose sizes vary, "images:1x3x320x320,scale:1x2": the least, the usual and the
  // largest shape of each input. All three or none.
  std::string min_shapes, opt_shapes, max_shapes;
  bool operator==(const EngineOptions&) const = default;
};

/// Throws Error{kBadConfig} for shapes that are none, for a profile that is not whole, or whose inputs or orders differ.
void check_engine_options(const EngineOptions& options);

/// The settings on which an engine depends, as a key of compiled models takes them; empty for none.
std::string to_text(const EngineOptions& options);

/// Provider options by name. Source: ONNX Runtime's pages "TensorRT Execution Provider" and "NVIDIA TensorRT RTX Execution
/// Provider". `eight_bits`: the model says with Q/DQ pairs what is computed in INT8. `engines`: where TensorRT keeps what it
/// builds; empty: nowhere.
std::map<std::string, std::string> tensorrt_options(const Device& device, Precision precision, bool eight_bits,
                                                    const EngineOptions& options, const std::filesystem::path& engines);
std::map<std::string, std::string> tensorrt_rtx_options(const EngineOptions& options);

}  // namespace goshawk::runtime
