// What the `goshawk engine` commands share.
#pragma once

#include <filesystem>
#include <string>

#include "goshawk/runtime/session.h"

namespace goshawk::cli {

/// Replays the model's conformance vectors on what was compiled of it: "passed", "FAILED" or "no vectors".
std::string check_engine(const std::filesystem::path& model, const runtime::SessionOptions& options);

}  // namespace goshawk::cli
