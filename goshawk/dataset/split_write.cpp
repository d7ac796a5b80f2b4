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

constexpr std::array kSplitKeys{"train", "val", "test", "validation"};

bool is_split_key(std::string_view line) {
  const std::string_view key = line.substr(0, line.find(':'));
  if (key.size() == line.size()) return false;
  return std::ranges::any_of(kSplitKeys, [&](const char* split) {
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

std::string text_of(const fs::path& config) {
  std::error_code ignored;
  return fs::exists(config, ignored) ? read_file(config, DocumentLimits{}.bytes) : "";
}

json document_of(const std::string& text, const fs::path& config) {
  json document = text.empty() ? json::object() : parse_document(text, config);
  if (!document.is_object()) throw Error(ErrorCode::kBadConfig, "this is no data.yaml", config.string());
  return document;
}

fs::path list_of(const Dataset& dataset, Split split) { return dataset.root / (std::string(name(split)) + ".txt"); }

/// Whether one of the splits of a data.yaml is, or has among others, this file.
bool names_file(const json& document, const Dataset& dataset, const fs::path& file) {
  const auto is_it = [&](const json& value) {
    return value.is_string() && (dataset.root / value.get<std::string>()).lexically_normal() == file.lexically_normal();
  };
  return std::ranges::any_of(kSplitKeys, [&](const char* key) {
    const auto value = document.find(key);
    if (value == document.end()) return false;
    return value->is_array() ? std::any_of(value->begin(), value->end(), is_it) : is_it(*value);
  });
}

}  // namespace

std::vector<fs::path> replaced_lists(const Dataset& dataset, const fs::path& config, std::span<const Split> splits) {
  const json document = document_of(text_of(config), config);
  std::vector<fs::path> lists;
  for (const Split split : splits) {
    const fs::path file = list_of(dataset, split);
    std::error_code ignored;
    if (!fs::exists(file, ignored)) continue;
    if (!names_file(document, dataset, file)) {
      throw Error(ErrorCode::kUsage, "a file of this name is there, which " + config.string() + " does not name",
                  file.string(), "Give it another name, or write the split with --out.");
    }
    lists.push_back(file);
  }
  return lists;
}

fs::path write_split_lists(const Dataset& dataset, const fs::path& config) {
  const std::string text = text_of(config);
  json document = document_of(text, config);
  std::vector<Split> splits;
  for (const Split split : kSplits) {
    if (std::ranges::any_of(dataset.images, [&](const auto& image) { return image.split == split; }))
      splits.push_back(split);
  }
  for (const auto& file : replaced_lists(dataset, config, splits)) {
    std::error_code error;
    fs::copy_file(file, file.string() + "~", fs::copy_options::overwrite_existing, error);
    if (error) throw Error(ErrorCode::kIo, "cannot keep the earlier list: " + error.message(), file.string() + "~");
  }
  for (const char* key : kSplitKeys) document.erase(key);
  std::string added;
  for (const Split split : splits) {
    std::string lines;
    for (const auto& image : dataset.images) {
      if (image.split != split) continue;
      lines += (image.file.starts_with('/') ? "" : "./") + image.file + "\n";
    }
    const std::string file = list_of(dataset, split).filename().string();
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
