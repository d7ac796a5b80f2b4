// Which models can be pulled, and what they must be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace goshawk::cli {

/// One entry of models/manifest.yaml.
struct ModelEntry {
  std::string name;         // letters, digits, '-', '_' and '.': also the file's name, with ".onnx" behind
  std::string url;          // https
  std::uint64_t size = 0;   // bytes
  std::string sha256;       // 64 lower-case hexadecimal digits
  std::string licence;      // SPDX
  std::string description;  // one line
  bool operator==(const ModelEntry&) const = default;
};

/// Throws Error{kBadConfig} with the entry and the field that is wrong; `where` names the text in messages.
std::vector<ModelEntry> parse_manifest(std::string_view yaml, const std::string& where);
/// models/manifest.yaml as it was when goshawk was built.
const std::vector<ModelEntry>& builtin_manifest();
/// Their names.
std::vector<std::string> model_names(const std::vector<ModelEntry>& manifest = builtin_manifest());
/// The entry of that name. Throws Error{kNotFound} with a suggestion.
const ModelEntry& find_model(const std::vector<ModelEntry>& manifest, const std::string& name);

}  // namespace goshawk::cli
