// Models side by side.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "apps/goshawk/command.h"
#include "apps/goshawk/eval_model.h"

namespace goshawk::cli {

/// --draws: of the bootstrap, 0 for none; else 1000. Throws Error{kUsage} for 1 and for more than 1,000,000.
int draws_option(const Invocation& call);

/// Writes comparison.json and report.html with each model's figures and the differences to the first, with intervals.
nlohmann::json write_comparison(const Invocation& call, const dataset::Dataset& truth,
                                const std::vector<ModelAnswers>& answers,
                                const std::vector<evaluate::DetectorMetrics>& metrics, const std::filesystem::path& folder);

void print_comparison(const nlohmann::json& comparison, const std::filesystem::path& folder);

}  // namespace goshawk::cli
