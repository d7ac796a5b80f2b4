#include "goshawk/dataset/yolo_config.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/text_file.h"
#include "goshawk/dataset/yolo_files.h"
#include "goshawk/dataset/yolo_text.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

[[noreturn]] void reject(const std::string& message, const fs::path& file) {
  throw Error(ErrorCode::kBadConfig, message, file.string());
}

/// Names as Python's str() gives them for what YAML takes for a number or a word.
std::string name_text(const json& value, const fs::path& file) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "None";
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (value.is_number()) return value.dump();
  reject("a class name is text", file);
}

std::int64_t class_number(const std::string& key, const fs::path& file) {
  std::int64_t number = -1;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
  if (error != std::errc() || end != key.data() + key.size() || number < 0 || number >= YoloClasses::kMost)
    reject("names: the class number " + dataset::quoted(key) + " is no whole number from 0", file);
  return number;
}

std::vector<Category> read_names(const json& document, const fs::path& file) {
  std::vector<Category> categories;
  const auto add = [&](std::int64_t number, std::string name) { categories.push_back({number, std::move(name), {}}); };
  const auto count = document.find("nc");
  const std::int64_t stated = count != document.end() && count->is_number_integer() ? count->get<std::int64_t>() : -1;
  const auto names = document.find("names");
  if (names == document.end() || names->is_null()) {
    if (stated > YoloClasses::kMost) reject("nc is more than " + std::to_string(YoloClasses::kMost), file);
    if (stated < 0) reject("neither names nor nc says which classes there are", file);
    for (std::int64_t i = 0; i < stated; ++i) add(i, "class_" + std::to_string(i));
    return categories;
  }
  if (names->is_array()) {
    for (const auto& name : *names) add(static_cast<std::int64_t>(categories.size()), name_text(name, file));
  } else if (names->is_object()) {
    for (const auto& [key, name] : names->items()) add(class_number(key, file), name_text(name, file));
    std::sort(categories.begin(), categories.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    for (std::size_t i = 1; i < categories.size(); ++i) {
      if (categories[i].id == categories[i - 1].id)
        reject("names: class " + std::to_string(categories[i].id) + " stands twice", file);
    }
  } else {
    reject("names is a list, or a map from number to name", file);
  }
  if (stated >= 0 && static_cast<std::size_t>(stated) != categories.size())
    reject("nc is " + std::to_string(stated) + ", but there are " + std::to_string(categories.size()) + " names", file);
  return categories;
}

ClassMapping read_mapping(const json& document, const fs::path& file) {
  ClassMapping mapping;
  const auto entry = document.find("class_mapping");
  if (entry == document.end() || !entry->is_object()) return mapping;
  for (const auto& [from, to] : entry->items()) mapping.emplace_back(from, to.is_null() ? "" : name_text(to, file));
  return mapping;
}

std::size_t read_keypoint_columns(const json& document, const fs::path& file) {
  constexpr std::int64_t kMostKeypoints = 10'000;
  const auto shape = document.find("kpt_shape");
  if (shape == document.end() || shape->is_null()) return 0;
  const auto number = [&](std::size_t i, std::int64_t least, std::int64_t most) {
    const bool whole = shape->is_array() && shape->size() == 2 && (*shape)[i].is_number_integer();
    const std::int64_t value = whole ? (*shape)[i].get<std::int64_t>() : -1;
    if (value < least || value > most) reject("kpt_shape is a list: the number of keypoints, and 2 or 3", file);
    return static_cast<std::size_t>(value);
  };
  return number(0, 1, kMostKeypoints) * number(1, 2, 3);
}

fs::path whole_path(const fs::path& path) {
  fs::path whole = fs::absolute(path).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

fs::path read_root(const json& document, const fs::path& file) {
  const fs::path beside = whole_path(file).parent_path();
  const auto entry = document.find("path");
  if (entry == document.end() || entry->is_null()) return beside;
  if (!entry->is_string() || entry->get_ref<const std::string&>().find('\0') != std::string::npos)
    reject("path is the folder of the data set", file);
  const fs::path path = entry->get<std::string>();
  const fs::path from_file = whole_path(beside / path);
  return is_there(from_file) || !is_there(path) ? from_file : whole_path(path);
}

/// Where "train: images/train" leads; nullopt when nothing is there.
std::optional<fs::path> find_place(const fs::path& root, const std::string& text) {
  if (text.empty() || text.find('\0') != std::string::npos) return std::nullopt;
  if (const fs::path place = whole_path(root / text); is_there(place)) return place;
  if (text.starts_with("../")) {
    if (const fs::path place = whole_path(root / text.substr(3)); is_there(place)) return place;
  }
  return std::nullopt;
}

void add_part(YoloConfig& config, const json& document, const char* key, Split split, ProblemList& problems) {
  const auto entry = document.find(key);
  if (entry == document.end() || entry->is_null()) return;
  YoloConfig::Part part;
  part.split = split;
  const json list = entry->is_array() ? *entry : json::array({*entry});
  for (const auto& item : list) {
    if (!item.is_string()) reject(std::string(key) + " is a path or a list of paths", config.file);
    const auto& text = item.get_ref<const std::string&>();
    if (auto place = find_place(config.root, text)) {
      part.places.push_back(*place);
    } else {
      problems.add(ProblemKind::kMissingImage, Severity::kError, config.file.string(), 0,
                   std::string(key) + ": there is no " + dataset::quoted(text) + " in " + config.root.string());
    }
  }
  config.parts.push_back(std::move(part));
}

void require_a_place(const YoloConfig& config) {
  for (const auto& part : config.parts) {
    if (!part.places.empty()) return;
  }
  throw Error(ErrorCode::kNotFound, "none of train, val and test leads to images that are there",
              config.file.empty() ? config.root.string() : config.file.string(),
              "The folder of the data set was taken to be " + config.root.string() + ".");
}

YoloConfig read_yaml(const fs::path& file, ProblemList& problems) {
  YoloConfig config;
  config.file = file;
  const json document = parse_document(read_utf8_file(file, DocumentLimits{}.bytes), file);
  if (!document.is_object()) reject("a data set's file is a map with train, val and names", file);
  config.root = read_root(document, file);
  config.categories = read_names(document, file);
  config.named = true;
  config.class_mapping = read_mapping(document, file);
  config.keypoint_columns = read_keypoint_columns(document, file);
  add_part(config, document, "train", Split::kTrain, problems);
  add_part(config, document, document.contains("val") ? "val" : "validation", Split::kVal, problems);
  add_part(config, document, "test", Split::kTest, problems);
  require_a_place(config);
  return config;
}

YoloConfig read_folders(const fs::path& folder) {
  YoloConfig config;
  config.root = whole_path(folder);
  for (const char* name : {"classes.txt", "labels/classes.txt", "obj.names"}) {
    if (!is_there(folder / name)) continue;
    config.categories = read_class_names(folder / name);
    config.named = true;
    break;
  }
  constexpr std::pair<const char*, Split> kFolders[] = {
      {"train", Split::kTrain}, {"val", Split::kVal}, {"valid", Split::kVal}, {"test", Split::kTest}};
  for (const auto& [name, split] : kFolders) {
    const fs::path place = config.root / "images" / name;
    if (is_folder(place)) config.parts.push_back({split, {place}});
  }
  if (config.parts.empty() && is_folder(config.root / "images"))
    config.parts.push_back({Split::kNone, {config.root / "images"}});
  require_a_place(config);
  return config;
}

std::vector<fs::path> yaml_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end && files.size() < 1000; it.increment(error)) {
    const auto extension = it->path().extension();
    if (extension == ".yaml" || extension == ".yml") files.push_back(it->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

YoloConfig read_yolo_config(const fs::path& path, ProblemList& problems) {
  if (!is_folder(path)) return read_yaml(path, problems);
  for (const char* name : {"data.yaml", "dataset.yaml", "data.yml"}) {
    if (is_there(path / name)) return read_yaml(path / name, problems);
  }
  const auto files = yaml_files(path);
  if (files.size() > 1)
    throw Error(ErrorCode::kUsage, "several .yaml files lie in this folder, and none is called data.yaml", path.string(),
                "Name the one that is meant.");
  return files.size() == 1 ? read_yaml(files[0], problems) : read_folders(path);
}

}  // namespace goshawk::dataset
