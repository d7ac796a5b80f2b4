#include "apps/goshawk/model_manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/runtime/model_folder.h"

namespace goshawk::cli {

extern const char* const kManifestText;

namespace {

using nlohmann::json;

const std::vector<std::string>& fields() {
  static const std::vector<std::string> kFields{"name", "url", "size", "sha256", "licence", "description"};
  return kFields;
}

[[noreturn]] void refuse(const std::string& message, const std::string& where) {
  throw Error(ErrorCode::kBadConfig, message, where);
}

std::string text_of(const json& entry, const std::string& field, const std::string& where) {
  if (!entry.contains(field) || !entry[field].is_string()) refuse("`" + field + "` is missing, or no text", where);
  return entry[field].get<std::string>();
}

bool is_name(const std::string& text) {
  return !text.empty() && text.size() <= 64 && text[0] != '.' && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
  });
}

bool is_sha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

ModelEntry read_entry(const json& entry, const std::string& where) {
  if (!entry.is_object()) refuse("an entry holds name, url, size, sha256, licence and description", where);
  for (const auto& [key, value] : entry.items()) {
    if (std::find(fields().begin(), fields().end(), key) == fields().end()) {
      refuse("unknown field '" + key + "'" + did_you_mean(key, fields()), where);
    }
  }
  ModelEntry result;
  result.name = text_of(entry, "name", where);
  if (!is_name(result.name)) refuse("a model's name is letters, digits, '-', '_' and '.', not '" + result.name + "'", where);
  const std::string here = where + ": " + result.name;
  result.url = text_of(entry, "url", here);
  if (!entry.contains("size") || !entry["size"].is_number_integer() || entry["size"].get<std::int64_t>() <= 0) {
    refuse("`size` is missing, or no number of bytes", here);
  }
  result.size = entry["size"].get<std::uint64_t>();
  result.sha256 = text_of(entry, "sha256", here);
  if (!is_sha256(result.sha256)) refuse("`sha256` is not 64 lower-case hexadecimal digits", here);
  result.licence = text_of(entry, "licence", here);
  result.description = text_of(entry, "description", here);
  return result;
}

}  // namespace

std::vector<ModelEntry> parse_manifest(std::string_view yaml, const std::string& where) {
  const json document = parse_yaml(yaml, where);
  if (!document.is_object() || !document.contains("models") || !document["models"].is_array()) {
    refuse("a manifest holds a list `models:`", where);
  }
  std::vector<ModelEntry> entries;
  for (const auto& item : document["models"]) {
    entries.push_back(read_entry(item, fmt::format("{}: entry {}", where, entries.size() + 1)));
    const auto same = [&](const ModelEntry& other) { return other.name == entries.back().name; };
    if (std::count_if(entries.begin(), entries.end(), same) > 1) refuse("'" + entries.back().name + "' stands twice", where);
  }
  return entries;
}

const std::vector<ModelEntry>& builtin_manifest() {
  static const std::vector<ModelEntry> kManifest = parse_manifest(kManifestText, "models/manifest.yaml");
  return kManifest;
}

std::vector<std::string> model_names(const std::vector<ModelEntry>& manifest) {
  std::vector<std::string> names;
  for (const auto& entry : manifest) names.push_back(entry.name);
  return names;
}

const ModelEntry& find_model(const std::vector<ModelEntry>& manifest, const std::string& name) {
  for (const auto& entry : manifest) {
    if (runtime::same_model_name(entry.name, name)) return entry;
  }
  throw Error(ErrorCode::kNotFound, "unknown model '" + name + "'" + did_you_mean(name, model_names(manifest)), "",
              "`goshawk models list` lists the known ones");
}

}  // namespace goshawk::cli
