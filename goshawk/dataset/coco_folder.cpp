// COCO data sets of one or several files, and where their images are.
#include <algorithm>
#include <array>
#include <initializer_list>
#include <unordered_set>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/coco.h"
#include "goshawk/dataset/coco_read.h"
#include "goshawk/dataset/combine.h"
#include "goshawk/dataset/image_size.h"
#include "goshawk/dataset/recognise.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 1000, kProbed = 20;
constexpr const char* kRoboflowName = "_annotations.coco.json";

/// The letters between other characters, in lower case: "instances_train2017" has "instances" and "train".
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char c : to_lower(name)) {
    if (std::string_view("_-. 0123456789").find(c) == std::string_view::npos) words.back() += c;
    else if (!words.back().empty()) words.emplace_back();
  }
  return words;
}

Split split_of(std::string_view name) {
  const auto words = words_of(name);
  const auto has = [&](std::initializer_list<std::string_view> wanted) {
    return std::ranges::any_of(words, [&](const auto& word) { return std::ranges::find(wanted, word) != wanted.end(); });
  };
  if (has({"train", "training", "trainval"})) return Split::kTrain;
  if (has({"val", "valid", "validation", "minival"})) return Split::kVal;
  if (has({"test", "testing"})) return Split::kTest;
  return Split::kNone;
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

/// .json files of a folder by name: those of COCO where there are such, and of them those that begin with "instances".
std::vector<fs::path> label_files(const fs::path& folder) {
  std::vector<fs::path> files, coco, instances;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end && files.size() < kMostFiles;
       it.increment(error)) {
    if (it->path().extension() != ".json" || it->path().filename() == "frames.json")
      continue;  // no labels: where images came from
    files.push_back(it->path());
    if (!is_coco_file(it->path())) continue;
    coco.push_back(it->path());
    if (it->path().filename().string().starts_with("instances")) instances.push_back(it->path());
  }
  auto& found = !instances.empty() ? instances : !coco.empty() ? coco : files;
  std::sort(found.begin(), found.end());
  return std::move(found);
}

struct Layout {
  fs::path root;
  std::vector<fs::path> files;
};

Layout layout_of(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    const fs::path folder = path.parent_path();
    const fs::path root = folder.filename() == "annotations" ? folder.parent_path() : folder;
    return {root.empty() ? fs::path(".") : root, {path}};
  }
  Layout layout{path, label_files(path / "annotations")};
  if (layout.files.empty()) layout.files = label_files(path);
  for (const char* split : {"train", "valid", "val", "test"}) {
    if (is_there(path / split / kRoboflowName)) layout.files.push_back(path / split / kRoboflowName);
  }
  if (layout.files.empty()) throw Error(ErrorCode::kNotFound, "there is no annotations/*.json and no *.json", path.string());
  return layout;
}

/// The folder below the root in which the images of a file are: where the first of them are found, else images/.
std::string image_folder(const fs::path& root, const fs::path& file, const Dataset& part) {
  const std::string stem = file.stem().string();
  const auto mark = stem.find('_');
  const std::string suffix = mark == std::string::npos ? "" : stem.substr(mark + 1);  // "train2017"
  const fs::path beside = file.parent_path().lexically_relative(root);
  std::vector<fs::path> candidates{"images", fs::path("images") / suffix, suffix, beside, "."};
  if (const Split split = split_of(stem); split != Split::kNone) {
    candidates.insert(candidates.begin() + 1, fs::path("images") / name(split));
    candidates.emplace_back(name(split));
  }
  const std::size_t probed = std::min(part.images.size(), kProbed);
  for (const auto& candidate : candidates) {
    for (std::size_t i = 0; i < probed; ++i) {
      if (!is_there(root / candidate / part.images[i].file)) continue;
      const std::string folder = candidate.lexically_normal().generic_string();
      return folder == "." || folder.empty() ? "" : folder + "/";
    }
  }
  return "images/";
}

/// Joins the files of a data set; numbers that two files use are given anew.
class Joiner {
 public:
  explicit Joiner(Dataset& all) : all_(all) {}

  void add(Dataset&& part) {
    const auto categories = join_categories(part);
    const auto first_image = static_cast<std::uint32_t>(all_.images.size());
    const auto masks = static_cast<std::int32_t>(all_.masks.size());
    const auto attributes = static_cast<std::int32_t>(all_.attributes.size());
    for (ImageEntry& image : part.images) {
      image.id = fresh(image.id, image_ids_, next_image_id_);
      if (image.attributes >= 0) image.attributes += attributes;
      all_.images.push_back(std::move(image));
    }
    for (Annotation& annotation : part.annotations) {
      if (annotation.id != 0) annotation.id = fresh(annotation.id, annotation_ids_, next_annotation_id_);
      annotation.image += first_image;
      annotation.category = categories[annotation.category];
      if (annotation.mask >= 0) annotation.mask += masks;
      if (annotation.attributes >= 0) annotation.attributes += attributes;
      all_.annotations.push_back(annotation);
    }
    std::move(part.masks.begin(), part.masks.end(), std::back_inserter(all_.masks));
    std::move(part.attributes.begin(), part.attributes.end(), std::back_inserter(all_.attributes));
  }

 private:
  std::vector<std::uint32_t> join_categories(const Dataset& part) {
    std::vector<std::uint32_t> places;
    for (const Category& category : part.categories) {
      const auto same = std::find_if(all_.categories.begin(), all_.categories.end(),
                                     [&](const Category& other) { return other.id == category.id; });
      if (same != all_.categories.end() && same->name != category.name) {
        throw Error(ErrorCode::kBadData,
                    "category " + std::to_string(category.id) + " is '" + same->name + "' in one file and '" +
                        category.name + "' in another",
                    part.source);
      }
      places.push_back(static_cast<std::uint32_t>(same - all_.categories.begin()));
      if (same == all_.categories.end()) all_.categories.push_back(category);
    }
    return places;
  }

  static std::int64_t fresh(std::int64_t wanted, std::unordered_set<std::int64_t>& taken, std::int64_t& next) {
    if (taken.insert(wanted).second) return wanted;
    while (!taken.insert(next).second) ++next;
    return next++;
  }

  Dataset& all_;
  std::unordered_set<std::int64_t> image_ids_, annotation_ids_;
  std::int64_t next_image_id_ = 1, next_annotation_id_ = 1;
};

/// Rectangles are in pixels, so an image must have a size: from its file where the labels do not say it.
void require_sizes(Dataset& part, const std::string& file, ProblemList& problems) {
  std::vector<std::uint32_t> places(part.images.size());
  constexpr std::uint32_t kGone = UINT32_MAX;
  std::uint32_t kept = 0;
  for (std::size_t i = 0; i < part.images.size(); ++i) {
    ImageEntry& image = part.images[i];
    if (image.width == 0 || image.height == 0) {
      if (const auto size = read_image_size(part.path_of(image))) {
        image.width = size->shown_width();
        image.height = size->shown_height();
      } else {
        problems.add(
            ProblemKind::kUnreadableImage, Severity::kError, file, 0,
            "image " + std::to_string(image.id) + " has no width and height, nor a file that tells them; it is left out");
        places[i] = kGone;
        continue;
      }
    }
    places[i] = kept;
    if (kept != i) part.images[kept] = std::move(image);
    ++kept;
  }
  if (kept == part.images.size()) return;
  part.images.resize(kept);
  std::erase_if(part.annotations, [&](const Annotation& annotation) { return places[annotation.image] == kGone; });
  for (Annotation& annotation : part.annotations) annotation.image = places[annotation.image];
}

}  // namespace

ReadResult read_coco(const fs::path& path, const ReadLimits& limits) {
  const Layout layout = layout_of(path);
  ReadResult result;
  ProblemList problems(limits.problems);
  Dataset& all = result.dataset;
  bool alike = true;
  all.root = layout.root;
  Joiner joiner(all);
  for (const fs::path& file : layout.files) {
    const std::string name = file.lexically_relative(layout.root).generic_string();
    Dataset part;
    part.root = layout.root;
    part.source = file.string();
    read_coco_file(file, name, {}, limits, part, problems);
    const std::string folder = image_folder(layout.root, file, part);
    const Split split =
        split_of(file.filename() == kRoboflowName ? file.parent_path().filename().string() : file.stem().string());
    for (ImageEntry& image : part.images) {
      image.file = folder + image.file;
      image.split = split;
      if (layout.files.size() > 1) image.labels = name;
    }
    require_sizes(part, name, problems);
    if (&file == &layout.files.front()) all.about = part.about;
    alike &= part.about == all.about;
    keep_common(all.about, part.about);
    joiner.add(std::move(part));
    if (layout.files.size() == 1) all.source = name;
  }
  if (!alike) {
    problems.add(ProblemKind::kDropped, Severity::kNote, "", 0,
                 "the files differ in 'info'; what is not the same in all is not kept");
  }
  sort_by_image(all);
  problems.move_to(result);
  return result;
}

}  // namespace goshawk::dataset
