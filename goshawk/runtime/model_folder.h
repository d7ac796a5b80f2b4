// Models of a folder, by name.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace goshawk::runtime {

/// ONNX files of a folder, by name; none of a folder that is not there.
std::vector<std::filesystem::path> models_in(const std::filesystem::path& folder);

/// Whether two names mean one model: '-' and '_' are the same.
bool same_model_name(const std::string& a, const std::string& b);

/// The file of `folder` whose name, without ".onnx", is `name`; with several (by `same_model_name`) the first.
std::optional<std::filesystem::path> model_named(const std::string& name, const std::filesystem::path& folder);

}  // namespace goshawk::runtime
