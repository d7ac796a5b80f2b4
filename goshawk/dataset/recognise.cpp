#include "goshawk/dataset/recognise.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

constexpr int kMostEntries = 20'000;  // of a folder that are looked at

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

std::string head_of(const fs::path& path, std::size_t bytes = 4096) {
  std::string head(bytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(bytes));
  head.resize(static_cast<std::size_t>(file.gcount()));
  return head;
}

/// Whether a JSON object begins in the file of which one of the keys, in its first 64 KiB, has a list.
bool begins_with_list(const fs::path& path, std::initializer_list<std::string_view> keys) {
  constexpr const char* kSpace = " \t\r\n";
  if (!is_file(path)) return false;  // a pipe would never end
  const std::string head = head_of(path, 64 << 10);
  const std::string_view text = std::string_view(head).substr(head.starts_with("\xEF\xBB\xBF") ? 3 : 0);
  const std::size_t start = text.find_first_not_of(kSpace);
  if (start == std::string_view::npos || text[start] != '{') return false;
  return std::ranges::any_of(keys, [&](std::string_view key) {
    const std::string quoted = '"' + std::string(key) + '"';
    for (std::size_t at = text.find(quoted); at != std::string_view::npos; at = text.find(quoted, at + 1)) {
      const std::size_t colon = text.find_first_not_of(kSpace, at + quoted.size());
      if (colon == std::string_view::npos || text[colon] != ':') continue;
      const std::size_t value = text.find_first_not_of(kSpace, colon + 1);
      if (value != std::string_view::npos && text[value] == '[') return true;
    }
    return false;
  });
}

std::optional<Format> format_of_xml(const fs::path& path) {
  const std::string head = head_of(path);
  if (head.find("<annotations") != std::string::npos) return Format::kCvat;
  if (head.find("<annotation") != std::string::npos) return Format::kVoc;
  return std::nullopt;
}

std::optional<Format> format_of_file(const fs::path& path) {
  const std::string extension = to_lower(path.extension().string());
  if (extension == ".yaml" || extension == ".yml") return Format::kYolo;
  if (extension == ".json" && !holds_labelme(path)) return Format::kCoco;
  if (extension == ".xml") return format_of_xml(path);
  if (extension == ".ini" || path.filename() == "gt.txt" || path.filename() == "det.txt") return Format::kMot;
  return std::nullopt;
}

/// Names in a folder, sorted; at most kMostEntries of them.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end && entries.size() < kMostEntries;
       it.increment(error))
    entries.push_back(it->path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

bool has_coco(const std::vector<fs::path>& entries) { return std::any_of(entries.begin(), entries.end(), is_coco_file); }

bool has(const std::vector<fs::path>& entries, std::string_view extension) {
  return std::any_of(entries.begin(), entries.end(),
                     [&](const fs::path& p) { return to_lower(p.extension().string()) == extension; });
}

/// Roboflow's COCO export keeps a file in each split's folder.
bool is_roboflow_coco(const fs::path& folder) {
  return std::ranges::any_of(std::array{"train", "valid", "val", "test"},
                             [&](const char* split) { return is_file(folder / split / "_annotations.coco.json"); });
}

bool is_mot_sequence(const fs::path& folder) {
  return is_file(folder / "seqinfo.ini") || is_file(folder / "gt" / "gt.txt") || is_file(folder / "det" / "det.txt");
}

std::optional<Format> format_of_folder(const fs::path& folder) {
  if (is_file(folder / "obj.data")) return Format::kCvatYolo;
  if (is_file(folder / "annotations.xml")) return Format::kCvat;
  const auto entries = entries_of(folder);
  if (has(entries, ".yaml") || has(entries, ".yml")) return Format::kYolo;
  if (is_mot_sequence(folder) || std::any_of(entries.begin(), entries.end(), is_mot_sequence)) return Format::kMot;
  const bool voc = is_folder(folder / "ImageSets" / "Main") || is_folder(folder / "JPEGImages");
  if (voc || has(entries_of(folder / "Annotations"), ".xml")) return Format::kVoc;
  if (has_coco(entries_of(folder / "annotations")) || has_coco(entries)) return Format::kCoco;
  if (is_roboflow_coco(folder)) return Format::kCoco;
  if (is_folder(folder / "images") && is_folder(folder / "labels")) return Format::kYolo;
  if (is_file(folder / "classes.txt")) return Format::kLabelImg;
  for (const auto& entry : entries) {
    if (to_lower(entry.extension().string()) != ".xml") continue;
    const auto format = format_of_xml(entry);
    return format == Format::kVoc ? Format::kLabelImg : format;  // VOC files beside their images
  }
  return std::nullopt;
}

}  // namespace

std::optional<Format> recognise_format(const fs::path& path) {
  if (is_folder(path)) return format_of_folder(path);
  std::error_code ignored;
  if (!is_file(path) && fs::exists(path, ignored))
    throw Error(ErrorCode::kNotFound, "this is a pipe or a device, a file or folder was expected", path.string());
  if (!is_file(path)) throw Error(ErrorCode::kNotFound, "there is no such file or folder", path.string());
  return format_of_file(path);
}

bool is_coco_file(const fs::path& path) {
  return to_lower(path.extension().string()) == ".json" && begins_with_list(path, {"images", "annotations", "categories"});
}

bool holds_labelme(const fs::path& path) {
  const auto is_it = [](const fs::path& file) {
    return to_lower(file.extension().string()) == ".json" && begins_with_list(file, {"shapes"});
  };
  const auto entries = is_folder(path) ? entries_of(path) : std::vector{path};
  return std::any_of(entries.begin(), entries.end(), is_it);
}

}  // namespace goshawk::dataset
