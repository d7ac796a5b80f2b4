#include "goshawk/dataset/split_write.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/dataset/frame_list.h"

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

/// A frames.json with its frames by file name.
struct Known {
  FrameList list;
  std::map<std::string, const FrameRecord*> by_file;
};

/// The lists of the folders that images lie in; one that cannot be read is as good as none.
class KnownLists {
 public:
  const Known* of(const fs::path& folder) {
    const auto known = lists_.find(folder);
    return (known != lists_.end() ? known->second : lists_.emplace(folder, read(folder)).first->second).get();
  }

 private:
  static std::unique_ptr<Known> read(const fs::path& folder) {
    auto known = std::make_unique<Known>();
    try {
      known->list = read_frame_list(folder / "frames.json");
    } catch (const Error&) {
      return nullptr;
    }
    for (const auto& frame : known->list.frames) known->by_file[frame.file] = &frame;
    return known;
  }

  std::map<fs::path, std::unique_ptr<Known>> lists_;
};

/// Frames of one written folder.
struct Gathered {
  FrameList list;
  std::map<std::pair<const Known*, std::uint32_t>, std::uint32_t> sources;
  std::map<std::string, int> names;

  void add(const Known& known, FrameRecord frame) {
    const auto [at, is_new] =
        sources.emplace(std::pair(&known, frame.source), static_cast<std::uint32_t>(list.sources.size()));
    if (is_new) {
      list.sources.push_back(known.list.sources[frame.source]);
      std::string& name = list.sources.back().name;
      if (const int number = ++names[name]; number > 1) name += "-" + std::to_string(number);  // of two folders
    }
    frame.source = at->second;
    list.frames.push_back(std::move(frame));
  }
};

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

void carry_frame_lists(const Dataset& dataset, const fs::path& target) {
  KnownLists lists;
  std::map<fs::path, Gathered> folders;
  for (const auto& image : dataset.images) {
    const fs::path path = dataset.path_of(image);
    const Known* known = lists.of(path.parent_path());
    if (known == nullptr) continue;
    const auto found = known->by_file.find(path.filename().string());
    if (found == known->by_file.end()) continue;
    const fs::path folder = target / "images" / name(image.split);
    std::error_code ignored;
    if (!fs::is_regular_file(folder / found->first, ignored)) continue;
    if (sha256_of_file(folder / found->first) != found->second->sha256) continue;
    folders[folder].add(*known, *found->second);
  }
  for (const auto& [folder, gathered] : folders) write_file_atomically(folder / "frames.json", to_text(gathered.list));
}

}  // namespace goshawk::dataset
