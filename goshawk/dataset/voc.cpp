// Pascal VOC: Annotations/*.xml, JPEGImages/, ImageSets/Main/{train,val,test}.txt; and XML files in any other folders.
// Source: "The PASCAL VOC2012 Development Kit", sections 4 and 5; labelmap.txt as CVAT and Datumaro write it.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <unordered_map>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/parallel.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/dropped.h"
#include "goshawk/dataset/folder_writer.h"
#include "goshawk/dataset/readers.h"
#include "goshawk/dataset/safe_path.h"
#include "goshawk/dataset/voc_files.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

struct ListName {
  const char* name;
  Split split;
};
constexpr std::array kLists{ListName{"train", Split::kTrain}, ListName{"val", Split::kVal}, ListName{"test", Split::kTest},
                            ListName{"trainval", Split::kTrain}};  // the last for those that no other list has

bool is_label_folder(std::string_view name) {
  const std::string lower = to_lower(name);
  return lower == "annotations" || lower == "labels" || lower == "xml" || lower == "xmls";
}

/// A label file's place: below a folder of labels within a data set, or beside its image.
struct Place {
  std::string base;    // "VOC2007/", the folder that holds Annotations; else the file's own folder
  std::string within;  // "day1/" for VOC2007/Annotations/day1/a.xml
  std::string stem;    // "a"
};

Place place_of(const std::string& label_file) {
  Place place;
  place.base = folder_of(label_file);
  place.stem = without_extension(file_name_of(label_file));
  for (std::size_t begin = 0; begin < place.base.size();) {
    const std::size_t end = place.base.find('/', begin);
    if (is_label_folder(place.base.substr(begin, end - begin))) {
      place.within = place.base.substr(end + 1);
      place.base.resize(begin);
      break;
    }
    begin = end + 1;
  }
  return place;
}

/// Where the image of a label file is: the name it states, else its own, in the folders that tools put images in.
std::optional<std::string> image_of(const ImageIndex& index, const std::string& label_file, const std::string& filename) {
  const Place place = place_of(label_file);
  const auto stated = filename.empty() ? std::optional(place.stem) : safe_relative_path(filename);
  if (!stated) return std::nullopt;
  const std::array<std::string, 6> folders{place.base + "JPEGImages/" + place.within,
                                           place.base + "JPEGImages/",
                                           place.base + "images/" + place.within,
                                           place.base + "images/",
                                           place.base + place.within,
                                           place.base};
  for (const std::string& name : {*stated, place.stem}) {
    for (const auto& folder : folders) {
      if (auto found = index.find(folder + name)) return found;
    }
  }
  const bool below_labels = folder_of(label_file) != place.base;
  return (below_labels ? folders[0] : folders[4]) + *stated;
}

/// "name:r,g,b:parts:actions" a line. Names may hold colons.
KnownClasses read_label_map(const fs::path& file) {
  KnownClasses classes;
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return classes;
  const std::string content = read_file(file, 16ULL << 20);
  std::string_view text = content;
  while (!text.empty()) {
    std::string line(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || line[0] == '#') continue;
    std::array<std::size_t, 3> colons{};
    std::size_t end = line.size();
    for (std::size_t i = 3; i-- > 0 && end != std::string::npos;)
      colons[i] = end = end == 0 ? std::string::npos : line.rfind(':', end - 1);
    if (end == std::string::npos || end == 0) continue;
    Category category{static_cast<std::int64_t>(classes.size()), line.substr(0, colons[0])};
    unsigned red = 0, green = 0, blue = 0;
    const std::string color = line.substr(colons[0] + 1, colons[1] - colons[0] - 1);
    if (std::sscanf(color.c_str(), "%3u,%3u,%3u", &red, &green, &blue) == 3 && std::max({red, green, blue}) < 256) {
      std::array<char, 8> hex{};
      std::snprintf(hex.data(), hex.size(), "#%02x%02x%02x", red & 255U, green & 255U, blue & 255U);
      category.color = hex.data();
    }
    const bool known =
        std::any_of(classes.begin(), classes.end(), [&](const Category& c) { return c.name == category.name; });
    if (!known) classes.push_back(std::move(category));
  }
  return classes;
}

/// Reads one ImageSets/Main list: an image a line, its path below JPEGImages without extension; what follows is a class's
/// flag (VOC's own lists of one class have it).
void apply_list(const fs::path& file, Split split, const std::unordered_map<std::string, std::size_t>& images,
                Dataset& dataset) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return;
  const std::string content = read_file(file, 1ULL << 30);
  std::string_view text = content;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    auto it = images.find(std::string(line));
    if (it == images.end()) it = images.find(std::string(line.substr(0, line.find(' '))));
    if (it == images.end()) continue;
    auto& image = dataset.images[it->second];
    if (image.split == Split::kNone) image.split = split;
  }
}

/// "VOC2007/JPEGImages/day1/a.jpg" -> {"VOC2007/", "day1/a"}; nullopt for images elsewhere.
std::optional<std::pair<std::string, std::string>> list_key(const std::string& file) {
  constexpr std::string_view kFolder = "JPEGImages/";
  const std::size_t at = file.starts_with(kFolder) ? 0 : file.find("/JPEGImages/") + 1;
  if (at == 0 && !file.starts_with(kFolder)) return std::nullopt;
  return std::pair(file.substr(0, at), std::string(without_extension(std::string_view(file).substr(at + kFolder.size()))));
}

void apply_lists(Dataset& dataset) {
  std::unordered_map<std::string, std::unordered_map<std::string, std::size_t>> bases;
  for (std::size_t i = 0; i < dataset.images.size(); ++i) {
    if (const auto key = list_key(dataset.images[i].file)) bases[key->first].emplace(key->second, i);
  }
  for (const auto& [base, images] : bases) {
    for (const auto& list : kLists) {
      apply_list(dataset.root / (base + "ImageSets/Main/" + list.name + ".txt"), list.split, images, dataset);
    }
  }
}

LabelTree tree_at(const fs::path& path, const ReadLimits& limits) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    const bool labels = is_label_folder(path.filename().string()) && path.has_parent_path();
    return LabelTree::of(labels ? path.parent_path() : path, true, limits);
  }
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const bool labels = is_label_folder(folder.filename().string());
  LabelTree tree = LabelTree::of(labels ? folder / ".." : folder, labels, limits);
  tree.xml = {labels ? (folder.filename() / path.filename()).generic_string() : path.filename().string()};
  return tree;
}

/// Writes a data set as VOCdevkit's folders.
class VocWriter {
 public:
  VocWriter(const Dataset& dataset, const fs::path& folder, const WriteOptions& options)
      : dataset_(dataset), writer_(folder), options_(options), begin_(annotations_by_image(dataset)) {}

  std::vector<Problem> write() {
    name_images();
    auto problems = place_images(writer_, dataset_, image_names(), options_);
    write_labels();
    write_lists();
    writer_.write("labelmap.txt", label_map());
    report_sizes(problems);
    const auto dropped = lost();
    problems.insert(problems.end(), dropped.begin(), dropped.end());
    return problems;
  }

 private:
  void name_images() {
    DistinctNames names;
    for (const auto& image : dataset_.images) names_.push_back(names.take(written_name(image)));
  }

  std::vector<std::string> image_names() const {
    std::vector<std::string> names;
    for (const auto& name : names_) names.push_back("JPEGImages/" + name);
    return names;
  }

  bool has_pixels(std::size_t i) const { return dataset_.images[i].width != 0 || begin_[i] == begin_[i + 1]; }

  void write_labels() {
    parallel_blocks(names_.size(), 64, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        if (options_.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped; nothing was written");
        if (!dataset_.images[i].labelled || !has_pixels(i)) continue;
        VocFile voc = voc_file_of(dataset_, i, begin_[i], begin_[i + 1]);
        voc.filename = file_name_of(names_[i]);
        std::string folder = "JPEGImages/" + folder_of(names_[i]);
        folder.pop_back();
        writer_.write("Annotations/" + std::string(without_extension(names_[i])) + ".xml", voc_text(voc, folder));
      }
    });
  }

  void write_lists() {
    for (const auto& list : kLists) {
      std::string text;
      for (std::size_t i = 0; i < names_.size(); ++i) {
        const Split split = dataset_.images[i].split;
        const bool in =
            std::string_view(list.name) == "trainval" ? split == Split::kTrain || split == Split::kVal : split == list.split;
        if (in) text += std::string(without_extension(names_[i])) + "\n";
      }
      if (!text.empty()) writer_.write(std::string("ImageSets/Main/") + list.name + ".txt", text);
    }
    std::string others;  // CVAT's name for what is of no split; its importer wants a list for every image
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (dataset_.images[i].split == Split::kNone) others += std::string(without_extension(names_[i])) + "\n";
    }
    if (!others.empty()) writer_.write("ImageSets/Main/default.txt", others);
  }

  std::string label_map() const {
    std::string text = "# label:color_rgb:parts:actions\n";
    for (const auto& category : dataset_.categories) {
      unsigned red = 0, green = 0, blue = 0;
      text += category.name + ":";
      if (std::sscanf(category.color.c_str(), "#%2x%2x%2x", &red, &green, &blue) == 3) {
        text += std::to_string(red) + "," + std::to_string(green) + "," + std::to_string(blue);
      }
      text += "::\n";
    }
    return text;
  }

  void report_sizes(std::vector<Problem>& problems) const {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (has_pixels(i)) continue;
      problems.push_back(
          {ProblemKind::kMissingImage, Severity::kError, dataset_.images[i].file, 0,
           "the image's size is not known, so that its boxes have no place in pixels; they were not written"});
    }
  }

  std::vector<Problem> lost() const {
    Holds holds;
    holds.difficult = holds.truncated = holds.occluded = holds.attributes = holds.splits = holds.unlabelled =
        holds.class_colors = true;
    holds.image_attributes = has_voc_image_attributes_alone(dataset_);
    return dropped_fields(dataset_, holds, "VOC");
  }

  const Dataset& dataset_;
  FolderWriter writer_;
  const WriteOptions& options_;
  std::vector<std::size_t> begin_;
  std::vector<std::string> names_;  // below JPEGImages
};

}  // namespace

ReadResult read_voc(const fs::path& path, const ReadLimits& limits) {
  const LabelTree tree = tree_at(path, limits);
  if (tree.xml.empty()) {
    throw Error(ErrorCode::kNotFound, "there is no .xml file in this folder", path.string(),
                "Pascal VOC keeps its labels in Annotations/*.xml.");
  }
  const ImageIndex index(tree.images);
  ReadResult result;
  result.dataset.root = tree.root;
  const auto find = [&](const std::string& file, const std::string& name) { return image_of(index, file, name); };
  read_voc_files(tree, read_label_map(tree.root / "labelmap.txt"), find, limits, result);
  std::error_code error;
  if (!fs::is_regular_file(path, error)) add_unlabelled(tree, refused_stems(tree, result.dataset), result.dataset);
  apply_lists(result.dataset);
  for (std::size_t i = 0; i < result.dataset.images.size(); ++i) {
    result.dataset.images[i].id = static_cast<std::int64_t>(i) + 1;
  }
  return result;
}

std::vector<Problem> write_voc(const Dataset& dataset, const fs::path& folder, const WriteOptions& options) {
  return VocWriter(dataset, folder, options).write();
}

}  // namespace goshawk::dataset
