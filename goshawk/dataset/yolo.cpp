// Reading YOLO data sets: images found by folders and lists, and a label file for each.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/parallel.h"
#include "goshawk/dataset/image_files.h"
#include "goshawk/dataset/readers.h"
#include "goshawk/dataset/yolo_config.h"
#include "goshawk/dataset/yolo_files.h"
#include "goshawk/dataset/yolo_text.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 256;  // images that a thread takes at once

std::string below(const std::string& path, const std::string& root) {
  if (path.size() > root.size() + 1 && path.starts_with(root) && path[root.size()] == '/')
    return path.substr(root.size() + 1);
  return path;
}

/// Opens files by folder: those of one folder are near each other in the list, and are opened relative to it.
class LabelFiles {
 public:
  ~LabelFiles() {
    if (folder_ >= 0) ::close(folder_);
  }

  enum class State { kRead, kMissing, kUnreadable, kTooLarge };

  State read(const std::string& path, std::uint64_t most, std::string& text) {
    const std::size_t slash = path.rfind('/');
    enter(path.substr(0, slash));
    if (folder_ < 0) return folder_error_ == ENOENT || folder_error_ == ENOTDIR ? State::kMissing : State::kUnreadable;
    const int fd = ::openat(folder_, path.c_str() + slash + 1, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? State::kMissing : State::kUnreadable;
    const State state = read_all(fd, most, text);
    ::close(fd);
    return state;
  }

 private:
  void enter(std::string folder) {
    if (folder == name_) return;
    if (folder_ >= 0) ::close(folder_);
    name_ = std::move(folder);
    folder_ = ::open(name_.empty() ? "/" : name_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    folder_error_ = folder_ < 0 ? errno : 0;
  }

  static State read_all(int fd, std::uint64_t most, std::string& text) {
    struct stat status {};
    if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return State::kUnreadable;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size > most) return State::kTooLarge;
    text.resize(size);
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t n = ::read(fd, text.data() + done, text.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return State::kUnreadable;
      if (n == 0) break;  // became shorter meanwhile
      done += static_cast<std::size_t>(n);
    }
    text.resize(done);
    return State::kRead;
  }

  std::string name_ = "?";
  int folder_ = -1;
  int folder_error_ = ENOENT;
};

/// What one thread found in one block of images.
struct Block {
  YoloObjects objects;
  ProblemList problems{0};
};

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
    read_labels();
    list_orphans();
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
    if (fs::is_directory(place, error)) return images_below(place, limits_);
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
    for (auto& image : images) {
      ImageEntry entry;
      entry.id = static_cast<std::int64_t>(entries.size()) + 1;
      entry.labels = yolo_labels_of(image);
      entry.file = below(image, root_);
      entry.split = split;
      entries.push_back(std::move(entry));
    }
  }

  void read_labels() {
    const std::size_t count = result_.dataset.images.size();
    std::vector<Block> blocks((count + kBlock - 1) / kBlock);
    parallel_blocks(count, kBlock, [&](std::size_t begin, std::size_t end) {
      if (limits_.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while labels were read");
      Block& block = blocks[begin / kBlock];
      block.problems = ProblemList(limits_.problems);
      read_block(begin, end, block);
      block.objects.annotations.shrink_to_fit();
    });
    join(blocks);
  }

  void read_block(std::size_t begin, std::size_t end, Block& block) {
    constexpr std::uint64_t kMostBytes = 256ULL << 20;
    LabelFiles files;
    std::string text;
    for (std::size_t i = begin; i < end; ++i) {
      ImageEntry& image = result_.dataset.images[i];
      const auto state = files.read(image.labels, std::min(kMostBytes, limits_.file_bytes), text);
      image.labels = below(image.labels, root_);
      switch (state) {
        case LabelFiles::State::kRead:
          parse_yolo_text(text, image.labels, static_cast<std::uint32_t>(i), classes_, limits_, block.objects,
                          block.problems);
          break;
        case LabelFiles::State::kMissing:
          image.labelled = false;
          image.labels.clear();
          break;
        case LabelFiles::State::kUnreadable:
          block.problems.add(ProblemKind::kBadLine, Severity::kError, image.labels, 0, "the label file cannot be read");
          break;
        case LabelFiles::State::kTooLarge:
          block.problems.add(ProblemKind::kTooMany, Severity::kError, image.labels, 0, "the label file is too large");
          break;
      }
    }
  }

  void join(std::vector<Block>& blocks) {
    Dataset& dataset = result_.dataset;
    std::size_t objects = 0, masks = 0;
    for (const auto& block : blocks) {
      objects += block.objects.annotations.size();
      masks += block.objects.masks.size();
    }
    dataset.annotations.reserve(objects);
    dataset.masks.reserve(masks);
    for (auto& block : blocks) {
      add_objects(dataset, std::exchange(block.objects, {}));
      problems_.append(std::move(block.problems));
    }
  }

  /// Label files in the folders of the images' label files that belong to no image.
  void list_orphans() {
    std::vector<std::string> known;
    for (const auto& image : result_.dataset.images) {
      if (image.labelled) known.push_back(image.labels);
    }
    std::sort(known.begin(), known.end());
    std::string last = "?";
    for (std::size_t i = 0; i < known.size(); ++i) {
      const std::size_t slash = known[i].rfind('/');
      const std::string folder = slash == std::string::npos ? "" : known[i].substr(0, slash);
      if (folder == last) continue;
      last = folder;
      list_orphans_of(folder, known);
    }
  }

  void list_orphans_of(const std::string& folder, const std::vector<std::string>& known) {
    for (const auto& file : files_with_extension(config_.root / folder, ".txt")) {
      const std::string path = folder.empty() ? file : folder + "/" + file;
      if (file == "classes.txt" || std::binary_search(known.begin(), known.end(), path)) continue;
      if (is_a_list(path)) continue;
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
  ReadResult result_;
};

}  // namespace

ReadResult read_yolo(const fs::path& path, const ReadLimits& limits) {
  ProblemList problems(limits.problems);
  YoloConfig config = read_yolo_config(path, problems);
  return Reader(std::move(config), limits, std::move(problems)).run();
}

}  // namespace goshawk::dataset
