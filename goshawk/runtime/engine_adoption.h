// Engines that were compiled elsewhere.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "goshawk/runtime/session.h"

namespace goshawk::runtime {

/// Makes a compiled model what `Session::load` takes for `model` with these options from now on: an entry of the cache,
/// under the same key as what is compiled here, so that it is not used for another model, provider, driver, GPU or setting.
/// `fill` writes `model.onnx`, whose one node is an EPContext (onnx/engine_context.h), and what it refers to into the folder
/// that it gets. It is loaded and run once before it is kept. A compiled model is code for the device: take it from those
/// whom you trust only. Returns the entry's key. `options.device` is not auto, `options.cache_folder` is set.
/// Throws Error{kUnavailable} with what the device lacks, {kBadData} when the provider does not take it, {kNotFound, kIo}.
std::string adopt_engine(const std::filesystem::path& model, const SessionOptions& options,
                         const std::function<void(const std::filesystem::path& folder)>& fill);

}  // namespace goshawk::runtime
