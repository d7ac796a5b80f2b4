// What a search has measured so far, kept in its folder so that an interrupted one goes on.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "goshawk/optimize/int8.h"

namespace goshawk::optimize {

struct SearchState {
  std::map<std::string, std::string> begun_with;                   // what the figures hold for: "model", "--max-drop", ...
  std::map<std::string, Accuracy> accuracy;                        // by way and content of its file
  nlohmann::ordered_json made = nlohmann::ordered_json::object();  // by candidate: what was done, "file_sha256" of it
};

/// Atomic. Throws Error{kIo}.
void write_state(const SearchState& state, const std::filesystem::path& file);

/// Throws Error{kNotFound}, {kBadConfig} for what is no JSON, {kBadData} for what is no search's state, with the file.
SearchState read_state(const std::filesystem::path& file);

}  // namespace goshawk::optimize
