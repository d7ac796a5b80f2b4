#include "goshawk/dataset/yolo_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/parallel.h"
#include "goshawk/core/text_file.h"
#include "goshawk/dataset/not_kept.h"
#include "goshawk/dataset/safe_path.h"
#include "goshawk/dataset/yolo_text.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostBytes = 256ULL << 20;

constexpr std::size_t kBlock = 256;  // images that a thread takes at once

/// Opens files by folder: those of one folder are near each other in the list, and are opened relative to it.
class LabelFiles {
 public:
  ~LabelFiles() {
    if (folder_ >= 0) ::close(folder_);
  }

  enum class State { kRead, kMissing, kUnreadable, kTooLarge };

  State read(const std::string& path, std::uint64_t most, std::string& text) {
    const std::size_t name = path.rfind('/') + 1;  // npos + 1 == 0
    enter(name == 0 ? "." : path.substr(0, name));
    if (folder_ < 0) return folder_error_ == ENOENT || folder_error_ == ENOTDIR ? State::kMissing : State::kUnreadable;
    const int fd = ::openat(folder_, path.c_str() + name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
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
    folder_ = ::open(name_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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

/// Reads blocks of a set's label files.
class LabelReader {
 public:
  LabelReader(Dataset& dataset, const YoloClasses& classes, const ReadLimits& limits, std::size_t keypoint_columns)
      : dataset_(dataset), classes_(classes), limits_(limits), keypoint_columns_(keypoint_columns) {}

  void read(std::size_t begin, std::size_t end, Block& block) {
    LabelFiles files;
    std::string text;
    for (std::size_t i = begin; i < end; ++i) {
      ImageEntry& image = dataset_.images[i];
      if (image.labels.empty()) continue;
      switch (files.read((dataset_.root / image.labels).string(), std::min(kMostBytes, limits_.file_bytes), text)) {
        case LabelFiles::State::kRead:
          parse_yolo_text(text, image.labels, static_cast<std::uint32_t>(i), classes_, limits_, block.objects,
                          block.problems, keypoint_columns_);
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

 private:
  Dataset& dataset_;
  const YoloClasses& classes_;
  const ReadLimits& limits_;
  const std::size_t keypoint_columns_;
};

/// Adds parsed objects behind those of the data set, with their masks.
void add_objects(Dataset& dataset, YoloObjects objects) {
  const auto offset = static_cast<std::int32_t>(dataset.masks.size());
  for (auto& annotation : objects.annotations) {
    if (annotation.mask >= 0) annotation.mask += offset;
    dataset.annotations.push_back(annotation);
  }
  std::move(objects.masks.begin(), objects.masks.end(), std::back_inserter(dataset.masks));
}

void join(std::vector<Block>& blocks, Dataset& dataset, ProblemList& problems) {
  std::size_t objects = dataset.annotations.size(), masks = dataset.masks.size();
  for (const auto& block : blocks) {
    objects += block.objects.annotations.size();
    masks += block.objects.masks.size();
  }
  dataset.annotations.reserve(objects);
  dataset.masks.reserve(masks);
  NotKept lost;
  for (auto& block : blocks) {
    if (block.objects.poses > 0) lost.add("keypoints of objects", block.objects.poses);
    add_objects(dataset, std::exchange(block.objects, {}));
    problems.append(std::move(block.problems));
  }
  lost.list_in(problems, dataset.source);
}

}  // namespace

std::string yolo_labels_of(std::string_view image) {
  constexpr std::string_view kImages = "images/", kLabels = "labels/";
  const std::string_view stem = without_extension(image);
  std::size_t at = stem.rfind("/images/");
  if (at != std::string_view::npos) ++at;
  else if (stem.starts_with(kImages)) at = 0;
  std::string path;
  path.reserve(stem.size() + 4);
  if (at == std::string_view::npos) path += stem;
  else path.append(stem.substr(0, at)).append(kLabels).append(stem.substr(at + kImages.size()));
  return path += ".txt";
}

std::vector<std::string> lines_of(const fs::path& file) {
  const std::string content = read_file(file, kMostBytes);
  std::string_view text = content;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return lines_in(text);
}

std::vector<Category> read_class_names(const fs::path& file) {
  std::vector<Category> categories;
  for (auto& line : lines_in(read_utf8_file(file, kMostBytes))) {
    const auto id = static_cast<std::int64_t>(categories.size());
    if (id >= YoloClasses::kMost) throw Error(ErrorCode::kBadData, "the file lists too many classes", file.string());
    categories.push_back({id, line.empty() ? "class" + std::to_string(id) : std::move(line)});
  }
  return categories;
}

void read_yolo_labels(Dataset& dataset, const YoloClasses& classes, const ReadLimits& limits, ProblemList& problems,
                      std::size_t keypoint_columns) {
  const std::size_t count = dataset.images.size();
  std::vector<Block> blocks((count + kBlock - 1) / kBlock);
  LabelReader reader(dataset, classes, limits, keypoint_columns);
  parallel_blocks(count, kBlock, [&](std::size_t begin, std::size_t end) {
    if (limits.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while labels were read");
    Block& block = blocks[begin / kBlock];
    block.problems = ProblemList(limits.problems);
    reader.read(begin, end, block);
    block.objects.annotations.shrink_to_fit();
  });
  join(blocks, dataset, problems);
}

std::string yolo_boxes(const Dataset& dataset, const ImageEntry& image, std::size_t begin, std::size_t end) {
  std::string text;
  for (std::size_t i = begin; i < end; ++i) {
    const Annotation& annotation = dataset.annotations[i];
    const auto box = annotation.crowd ? std::nullopt : held_box(annotation.rectangle, image);
    if (!box) continue;
    text += std::to_string(annotation.category);
    append_yolo_box(text, *box, image);
    text += '\n';
  }
  return text;
}

}  // namespace goshawk::dataset
