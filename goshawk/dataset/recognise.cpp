#include "goshawk/dataset/recognise.h"

#include <zip.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/core/error.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

constexpr int kMostEntries = 20'000;  // of a folder or an archive that are looked at

std::string lower_extension(const fs::path& path) {
  std::string text = path.extension().string();
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

std::string head_of(const fs::path& path) {
  std::array<char, 4096> block{};
  std::ifstream file(path, std::ios::binary);
  file.read(block.data(), block.size());
  return {block.data(), static_cast<std::size_t>(file.gcount())};
}

std::optional<Format> format_of_xml(const fs::path& path) {
  const std::string head = head_of(path);
  if (head.find("<annotations") != std::string::npos) return Format::kCvat;
  if (head.find("<annotation") != std::string::npos) return Format::kVoc;
  return std::nullopt;
}

std::optional<Format> format_of_zip(const fs::path& path) {
  const std::unique_ptr<zip_t, decltype(&zip_discard)> archive(zip_open(path.c_str(), ZIP_RDONLY, nullptr), &zip_discard);
  if (!archive) throw Error(ErrorCode::kBadData, "this is no zip archive, or it is damaged or cut off", path.string());
  const zip_int64_t count = std::min<zip_int64_t>(zip_get_num_entries(archive.get(), 0), kMostEntries);
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* entry = zip_get_name(archive.get(), static_cast<zip_uint64_t>(i), 0);
    const std::string_view name = entry != nullptr ? entry : "";
    if (name == "annotations.xml") return Format::kCvat;
    if (name == "obj.data" || name == "obj.names" || name == "data.yaml") return Format::kCvatYolo;
  }
  return std::nullopt;
}

std::optional<Format> format_of_file(const fs::path& path) {
  const std::string extension = lower_extension(path);
  if (extension == ".yaml" || extension == ".yml") return Format::kYolo;
  if (extension == ".json") return Format::kCoco;
  if (extension == ".xml") return format_of_xml(path);
  if (extension == ".zip") return format_of_zip(path);
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

bool has(const std::vector<fs::path>& entries, std::string_view extension) {
  return std::any_of(entries.begin(), entries.end(), [&](const fs::path& p) { return lower_extension(p) == extension; });
}

/// frames.json says where images came from, and is no COCO file.
std::vector<fs::path> without_frame_list(std::vector<fs::path> entries) {
  std::erase_if(entries, [](const fs::path& p) { return p.filename() == "frames.json"; });
  return entries;
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
  if (has(entries_of(folder / "annotations"), ".json") || has(without_frame_list(entries), ".json")) return Format::kCoco;
  if (is_roboflow_coco(folder)) return Format::kCoco;
  if (is_folder(folder / "images") && is_folder(folder / "labels")) return Format::kYolo;
  if (is_file(folder / "classes.txt")) return Format::kLabelImg;
  for (const auto& entry : entries) {
    if (lower_extension(entry) != ".xml") continue;
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

}  // namespace goshawk::dataset
