// Reading YOLO data sets: images found by folders and lists, and a label file for each.
#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/dataset/image_files.h"
#include "goshawk/dataset/label_tree.h"
#include "goshawk/dataset/readers.h"
#include "goshawk/dataset/yolo_config.h"
#include "goshawk/dataset/yolo_files.h"
#include "goshawk/dataset/yolo_text.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

std::string below(const std::string& path, const std::string& root) {
  if (path.size() > root.size() + 1 && path.starts_with(root) && path[root.size()] == '/')
    return path.substr(root.size() + 1);
  return path;
}

class Reader {
 public:
  Reader(YoloConfig config, const ReadLimits& limits, ProblemList problems)
      : config_(std::move(config)),
        limits_(limits),
        problems_(std::move(problems)),
        root_(config_.root.string()),
        classes_(config_.named ? YoloClasses(config_.categories) : YoloClasses()) {}

  ReadResult run() {
    result_.dataset.root = config_.root;
    result_.dataset.source =
        config_.file.empty() ? "" : below(fs::absolute(config_.file).lexically_normal().string(), root_);
    result_.dataset.class_mapping = config_.class_mapping;
    list_images();
    read_yolo_labels(result_.dataset, classes_, limits_, problems_, config_.keypoint_columns);
    list_odd_labels();
    if (config_.named) result_.dataset.categories = std::move(config_.categories);
    else name_classes_by_number();
    problems_.move_to(result_);
    return std::move(result_);
  }

 private:
  void list_images() {
    std::vector<std::pair<Split, std::vector<std::string>>> lists;
    for (const auto& part : config_.parts) {
      std::vector<std::string> images;
      for (const auto& place : part.places) {
        auto some = images_of(place);
        images.insert(images.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
      }
      std::sort(images.begin(), images.end());
      images.erase(std::unique(images.begin(), images.end()), images.end());
      if (!images.empty()) lists.emplace_back(part.split, std::move(images));
    }
    // "train: images, val: images" says nothing of a split.
    const bool all_equal = lists.size() > 1 && std::all_of(lists.begin() + 1, lists.end(),
                                                           [&](const auto& list) { return list.second == lists[0].second; });
    if (all_equal) {
      lists.resize(1);
      lists[0].first = Split::kNone;
    }
    list_leaks(lists);
    for (auto& [split, images] : lists) add_images(split, std::move(images));
  }

  std::vector<std::string> images_of(const fs::path& place) {
    std::error_code error;
    if (fs::is_directory(place, error)) {
      result_.dataset.listed.push_back(place);
      return images_below(place, limits_);
    }
    if (place.extension() == ".txt") return images_listed(place, config_.root, limits_, problems_);
    if (has_image_extension(place.string())) return {place.string()};
    problems_.add(ProblemKind::kMissingImage, Severity::kError, config_.file.string(), 0,
                  dataset::quoted(place.string()) + " is neither a folder nor a list (.txt) of images");
    return {};
  }

  void list_leaks(const std::vector<std::pair<Split, std::vector<std::string>>>& lists) {
    for (std::size_t a = 0; a < lists.size(); ++a) {
      for (std::size_t b = a + 1; b < lists.size(); ++b) {
        std::vector<std::string> both;
        std::set_intersection(lists[a].second.begin(), lists[a].second.end(), lists[b].second.begin(), lists[b].second.end(),
                              std::back_inserter(both));
        for (const auto& image : both)
          problems_.add(ProblemKind::kDuplicateImage, Severity::kError, below(image, root_), 0,
                        std::string("the image is in ") + name(lists[a].first) + " and in " + name(lists[b].first));
      }
    }
  }

  void add_images(Split split, std::vector<std::string> images) {
    auto& entries = result_.dataset.images;
    if (entries.size() + images.size() > limits_.images)
      throw Error(ErrorCode::kBadData, "more than " + std::to_string(limits_.images) + " images", root_);
    entries.reserve(entries.size() + images.size());
    std::string last = "?";
    for (auto& image : images) {
      ImageEntry entry;
      entry.id = static_cast<std::int64_t>(entries.size()) + 1;
      entry.labels = below(yolo_labels_of(image), root_);
      if (std::string folder = folder_of(entry.labels); folder != last) label_folders_.insert(last = std::move(folder));
      entry.file = below(image, root_);
      entry.split = split;
      entries.push_back(std::move(entry));
    }
  }

  /// An image that is read, by its label file.
  using Labelled = std::pair<std::string_view, std::string_view>;  // label file and image

  /// Label files of several images, and those where labels of images are looked for that belong to none.
  void list_odd_labels() {
    std::vector<Labelled> known;
    for (const auto& image : result_.dataset.images) {
      if (image.labelled) known.emplace_back(image.labels, image.file);
    }
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());  // an image may be in two splits
    for (std::size_t i = 1; i < known.size(); ++i) {
      if (known[i].first != known[i - 1].first) continue;
      problems_.add(ProblemKind::kSharedLabels, Severity::kWarning, std::string(known[i].first), 0,
                    "these labels are those of " + dataset::quoted(known[i - 1].second) + " and of " +
                        dataset::quoted(known[i].second));
    }
    for (const auto& folder : label_folders_) list_orphans_of(folder, known);
  }

  void list_orphans_of(const std::string& folder, const std::vector<Labelled>& known) {
    for (const auto& file : files_with_extension(config_.root / folder, ".txt")) {
      const std::string path = folder + file;
      const auto at = std::lower_bound(known.begin(), known.end(), Labelled(path, ""));
      if (file == "classes.txt" || (at != known.end() && at->first == path) || is_a_list(path)) continue;
      problems_.add(ProblemKind::kOrphanLabels, Severity::kWarning, path, 0, "no image belongs to this label file");
    }
  }

  bool is_a_list(const std::string& path) const {
    for (const auto& part : config_.parts) {
      for (const auto& place : part.places) {
        if (place == config_.root / path) return true;
      }
    }
    return false;
  }

  void name_classes_by_number() {
    std::uint32_t count = 0;
    for (const auto& annotation : result_.dataset.annotations) count = std::max(count, annotation.category + 1);
    for (std::uint32_t i = 0; i < count; ++i) result_.dataset.categories.push_back({i, "class_" + std::to_string(i), {}});
  }

  YoloConfig config_;
  const ReadLimits& limits_;
  ProblemList problems_;
  std::string root_;
  YoloClasses classes_;
  std::set<std::string> label_folders_;  // where labels are looked for: "labels/train/"
  ReadResult result_;
};

}  // namespace

ReadResult read_yolo(const fs::path& path, const ReadLimits& limits) {
  ProblemList problems(limits.problems);
  YoloConfig config = read_yolo_config(path, problems);
  return Reader(std::move(config), limits, std::move(problems)).run();
}

}  // namespace goshawk::dataset
