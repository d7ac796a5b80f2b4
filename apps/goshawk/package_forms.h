// Further forms of a model that goes into a package: smaller ones, made by goshawk/optimize.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/goshawk/command.h"
#include "apps/goshawk/optimize_commands.h"

namespace goshawk::cli {

/// --also: "fp16", "int8", in this order. Throws Error{kUsage} for other words, and where int8 has no --data.
std::vector<std::string> asked_forms(const Invocation& call);

/// Writes the model in half precision, recorded and replayed. Returns what was done, for package_info.json. Throws what
/// reading, recognising and replaying throw.
nlohmann::ordered_json make_fp16(const Invocation& call, const std::filesystem::path& model,
                                 const std::filesystem::path& target, StepBars& bars);

/// The same in INT8, laid out for the device of `call`: calibrated and judged on `material`. Throws Error{kBadConfig} for a
/// network without convolutions, {kBadData} when more than --max-drop is lost.
nlohmann::ordered_json make_int8(const Invocation& call, const std::filesystem::path& model,
                                 const std::filesystem::path& target, const optimize::Material& material, StepBars& bars);

}  // namespace goshawk::cli
