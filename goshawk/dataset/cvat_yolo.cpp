// CVAT's "YOLO 1.1": obj.names, obj.data, train.txt, valid.txt, obj_train_data/.
// Source: docs.cvat.ai, "YOLO", and Darknet, whose layout it is.
#include <algorithm>
#include <array>
#include <map>
#include <unordered_set>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/dropped.h"
#include "goshawk/dataset/folder_writer.h"
#include "goshawk/dataset/label_tree.h"
#include "goshawk/dataset/readers.h"
#include "goshawk/dataset/safe_path.h"
#include "goshawk/dataset/yolo_files.h"
#include "goshawk/dataset/yolo_text.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

/// A part's list: its key in obj.data, which is also the name of the list and in that of the folder.
struct Part {
  const char* key;
  Split split;
};
constexpr std::array kParts{Part{"train", Split::kTrain}, Part{"valid", Split::kVal}, Part{"test", Split::kTest}};

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

/// Reads one such folder.
class Reader {
 public:
  Reader(const fs::path& root, const ReadLimits& limits) : limits_(limits), problems_(limits.problems) {
    dataset().root = root;
  }

  ReadResult read() {
    read_obj_data();
    const fs::path names = dataset().root / value("names", "obj.names");
    if (!is_file(names)) {
      throw Error(ErrorCode::kNotFound, "there is no obj.names", dataset().root.string(), "It holds a class name a line.");
    }
    dataset().categories = read_class_names(names);
    for (const auto& part : kParts) read_list(dataset().root / value(part.key, std::string(part.key) + ".txt"), part.split);
    if (dataset().images.empty()) list_folders();
    for (std::size_t i = 0; i < dataset().images.size(); ++i) dataset().images[i].id = static_cast<std::int64_t>(i) + 1;
    read_yolo_labels(dataset(), YoloClasses(dataset().categories), limits_, problems_);
    problems_.move_to(result_);
    return std::move(result_);
  }

 private:
  Dataset& dataset() { return result_.dataset; }

  /// "key = value" a line. Of paths only the file's name counts: they begin with "data/", where Darknet was to find them.
  void read_obj_data() {
    const fs::path file = dataset().root / "obj.data";
    if (!is_file(file)) return;
    dataset().source = "obj.data";
    for (const auto& line : lines_of(file)) {
      const std::size_t equals = line.find('=');
      if (equals == std::string::npos) continue;
      const auto trimmed = [](std::string text) {
        text.erase(0, text.find_first_not_of(" \t"));
        text.erase(text.find_last_not_of(" \t") + 1);
        return text;
      };
      values_[trimmed(line.substr(0, equals))] = file_name_of(trimmed(line.substr(equals + 1)));
    }
  }

  std::string value(const std::string& key, const std::string& otherwise) const {
    const auto it = values_.find(key);
    return it == values_.end() || it->second.empty() ? otherwise : it->second;
  }

  void read_list(const fs::path& file, Split split) {
    if (!is_file(file)) return;
    std::int64_t number = 0;
    for (const auto& line : lines_of(file)) {
      ++number;
      if (line.empty()) continue;
      const auto safe = safe_relative_path(line);
      const std::string name = file.filename().string();
      if (!safe) {
        problems_.add(ProblemKind::kUnsafePath, Severity::kError, name, number,
                      "the image's path leads out of the data set: " + dataset::quoted(line) + "; left out");
      } else if (!add(within(*safe), split)) {
        problems_.add(ProblemKind::kBadLine, Severity::kWarning, name, number, "the image is listed already");
      }
    }
  }

  /// Without the leading "data/" that stands for the data set itself.
  std::string within(const std::string& path) {
    constexpr std::string_view kData = "data/";
    if (!path.starts_with(kData) || fs::is_directory(dataset().root / "data")) return path;
    return path.substr(kData.size());
  }

  bool add(const std::string& file, Split split) {
    if (!seen_.insert(file).second) return false;
    if (dataset().images.size() >= limits_.images)
      throw Error(ErrorCode::kBadData, "the lists name too many images", dataset().root.string());
    ImageEntry image;
    image.file = file;
    image.labels = std::string(without_extension(file)) + ".txt";
    image.split = split;
    dataset().images.push_back(std::move(image));
    return true;
  }

  /// Without lists, the label files in obj_train_data and its like name the images.
  void list_folders() {
    const auto tree = LabelTree::of(dataset().root, true, limits_);
    const ImageIndex index(tree.images);
    for (const auto& part : kParts) {
      const std::string folder = std::string("obj_") + part.key + "_data/";
      for (const auto& file : tree.images) {
        if (to_lower(file).starts_with(folder)) add(file, part.split);
      }
      for (const auto& file : tree.text) {
        const std::string stem(without_extension(file));
        if (to_lower(file).starts_with(folder)) add(index.find(stem).value_or(stem + ".jpg"), part.split);
      }
    }
  }

  const ReadLimits& limits_;
  ProblemList problems_;
  ReadResult result_;
  std::map<std::string, std::string> values_;  // of obj.data
  std::unordered_set<std::string> seen_;
};

}  // namespace

ReadResult read_cvat_yolo(const fs::path& path, const ReadLimits& limits) {
  std::error_code error;
  const fs::path folder = fs::is_directory(path, error) ? path : path.parent_path();
  if (is_file(folder / "data.yaml")) return read_yolo(folder / "data.yaml", limits);  // CVAT's "Ultralytics YOLO"
  return Reader(folder, limits).read();
}

std::vector<Problem> write_cvat_yolo(const Dataset& dataset, const fs::path& folder, const WriteOptions& options) {
  FolderWriter writer(folder);
  DistinctNames distinct;
  std::vector<std::string> names;
  std::array<std::string, kParts.size()> lists;
  const auto begin = annotations_by_image(dataset);
  std::uint64_t without_split = 0;
  for (std::size_t i = 0; i < dataset.images.size(); ++i) {
    if (options.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped; nothing was written");
    const ImageEntry& image = dataset.images[i];
    without_split += image.split == Split::kNone ? 1 : 0;
    const std::size_t part = image.split == Split::kVal ? 1 : image.split == Split::kTest ? 2 : 0;
    names.push_back(distinct.take(std::string("obj_") + kParts[part].key + "_data/" + written_name(image)));
    lists[part] += "data/" + names.back() + "\n";
    // Empty where nobody labelled it, too: CVAT's importer refuses lists of images without a label file.
    writer.write(std::string(without_extension(names.back())) + ".txt", yolo_boxes(dataset, image, begin[i], begin[i + 1]));
  }
  auto problems = place_images(writer, dataset, names, options);
  std::string classes, config = "classes = " + std::to_string(dataset.categories.size()) + "\n";
  for (const auto& category : dataset.categories) classes += category.name + "\n";
  for (std::size_t i = 0; i < kParts.size(); ++i) {
    if (lists[i].empty()) continue;
    config += std::string(kParts[i].key) + " = data/" + kParts[i].key + ".txt\n";
    writer.write(std::string(kParts[i].key) + ".txt", lists[i]);
  }
  writer.write("obj.names", classes);
  writer.write("obj.data", config + "names = data/obj.names\nbackup = backup/\n");
  Holds holds;
  holds.splits = true;
  const auto dropped = dropped_fields(dataset, holds, "CVAT's YOLO");
  problems.insert(problems.end(), dropped.begin(), dropped.end());
  for (auto& note : held_notes(dataset, "CVAT's YOLO")) problems.push_back(std::move(note));
  if (without_split > 0) {
    problems.push_back({ProblemKind::kDropped, Severity::kNote, "", 0,
                        "CVAT's YOLO cannot hold images of no split: " + std::to_string(without_split) + " are in train"});
  }
  return problems;
}

}  // namespace goshawk::dataset
