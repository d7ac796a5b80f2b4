// What stands beside every figure: which model, on which machine.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "goshawk/detect/detector.h"

namespace goshawk::cli {

/// Path of the file, hash, device, precision and load time.
nlohmann::json describe_model(const std::filesystem::path& path, const detect::Detector& detector);
/// goshawk, its revision, compiler and build, and each library.
nlohmann::ordered_json describe_versions();
/// Processor, cores, memory, GPUs, system.
nlohmann::json describe_this_machine();

}  // namespace goshawk::cli
