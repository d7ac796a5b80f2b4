#include "goshawk/dataset/split_write.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::array kSplits{Split::kTrain, Split::kVal, Split::kTest};

json class_names(const Dataset& dataset) {
  json names = json::array();
  for (const auto& category : dataset.categories) names.push_back(category.name);
  return names;
}

bool is_split_key(std::string_view line) {
  const std::string_view key = line.substr(0, line.find(':'));
  if (key.size() == line.size()) return false;
  return std::ranges::any_of(std::array{"train", "val", "test", "validation"}, [&](const char* split) {
    return key == split || key == "'" + std::string(split) + "'" || key == '"' + std::string(split) + '"';
  });
}

/// The user's text with other values for the splits, the rest with its order and comments; they come where the first stood.
std::string with_splits(std::string_view text, const std::string& splits) {
  std::string result;
  bool skipping = false, placed = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end);
    const bool goes_on = line.front() == ' ' || line.front() == '\t' || line.front() == '-';  // the value above, over lines
    skipping = is_split_key(line) || (skipping && goes_on);
    if (skipping && !placed) result += splits;
    placed = placed || skipping;
    if (!skipping) result += line;
  }
  if (!result.empty() && !result.ends_with('\n')) result += '\n';
  return placed ? result : result + splits;
}

}  // namespace

fs::path write_split_lists(const Dataset& dataset, const fs::path& config) {
  std::error_code ignored;
  const std::string text = fs::exists(config, ignored) ? read_file(config, DocumentLimits{}.bytes) : "";
  json document = text.empty() ? json::object() : parse_document(text, config);
  if (!document.is_object()) throw Error(ErrorCode::kBadConfig, "this is no data.yaml", config.string());
  for (const char* key : {"train", "val", "test", "validation"}) document.erase(key);
  std::string added;
  for (const Split split : kSplits) {
    std::string lines;
    for (const auto& image : dataset.images) {
      if (image.split != split) continue;
      lines += (image.file.starts_with('/') ? "" : "./") + image.file + "\n";
    }
    if (lines.empty()) continue;
    const std::string file = std::string(name(split)) + ".txt";
    write_file_atomically(dataset.root / file, lines);
    document[name(split)] = file;
    added += std::string(name(split)) + ": " + file + "\n";
  }
  if (!document.contains("names")) {
    document["names"] = class_names(dataset);
    added += to_yaml({{"names", document["names"]}});
  }
  std::string written = with_splits(text, added);
  try {
    if (parse_document(written, config) != document) written = to_yaml(document);
  } catch (const Error&) {  // a way to write YAML that is not looked for above
    written = to_yaml(document);
  }
  write_file_atomically(config, written);
  return config;
}

}  // namespace goshawk::dataset
