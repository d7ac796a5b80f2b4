// YAML and JSON files as one tree, read within limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace goshawk {

/// Bounds on a document from outside. What an alias names counts each time it is used, so a "billion laughs" ends early.
struct DocumentLimits {
  std::uint64_t bytes = 16ULL << 20;  // of the file, and of the texts that it makes
  std::size_t nodes = 200'000;        // values
  std::size_t depth = 32;             // lists and maps within each other
};

/// Reads a `.json` file as JSON, anything else as YAML (of which JSON is nearly a part). Plain YAML scalars become
/// booleans, integers, numbers or null by the YAML 1.2 core schema; quoted ones stay text.
/// Throws Error{kNotFound} for a missing file, {kBadConfig} for syntax, limits and duplicate keys, with the file
/// and (but for limits of JSON) the line.
nlohmann::json read_document(const std::filesystem::path& path, const DocumentLimits& limits = {});

/// The same for the text of `path` that was read already.
nlohmann::json parse_document(std::string_view text, const std::filesystem::path& path, const DocumentLimits& limits = {});

/// The same for text in memory; `where` names it in messages.
nlohmann::json parse_yaml(std::string_view text, const std::string& where, const DocumentLimits& limits = {});
nlohmann::json parse_json(std::string_view text, const std::string& where, const DocumentLimits& limits = {});

/// Writes block-style YAML that `parse_yaml` reads back as the same tree: numbers keep their type, and floating point is
/// the shortest text that reads back the same. Numbers that are not finite become null, as in JSON.
std::string to_yaml(const nlohmann::json& document);

}  // namespace goshawk
