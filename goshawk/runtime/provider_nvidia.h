// CUDA and TensorRT (of ONNX Runtime's GPU build) and TensorRT-RTX (plug-in). Private: it includes ONNX Runtime's header.
#pragma once

#include <string>

#include "goshawk/runtime/provider.h"

namespace goshawk::runtime {

/// What is missing for this device, as a sentence with what to install; empty when driver and library files are there.
/// Looks for files only.
std::string missing_for_nvidia(const Device& device);

/// CUDA computes in the model's own precision (kAuto lets it use TF32); TensorRT can be told fp32, fp16 or bf16;
/// TensorRT-RTX builds strongly typed engines and takes the model's. Throws as `make_provider` does.
Provider make_nvidia(const Device& device, const ProviderWishes& wishes);

}  // namespace goshawk::runtime
