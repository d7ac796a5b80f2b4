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

/// Throws Error{kBadConfig} that names what differs between what a run was begun with and `now`. `file` tells of the former.
void require_same(const std::map<std::string, std::string>& begun, const std::map<std::string, std::string>& now,
                  const std::filesystem::path& file);

/// SHA-256 over the contents of pictures, in order; of those that cannot be read, over their names.
std::string content_hash(const std::vector<std::filesystem::path>& pictures);
/// The same with the labels: classes, boxes, crowds.
std::string content_hash(const dataset::Dataset& truth);

}  // namespace goshawk::optimize
