#include "goshawk/dataset/yolo_files.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/parallel.h"
#include "goshawk/dataset/safe_path.h"
#include "goshawk/dataset/text_file.h"
#include "goshawk/dataset/yolo_text.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostBytes = 256ULL << 20;

struct Part {
  YoloObjects objects;
  ProblemList problems{0};
};

void read_one(Dataset& dataset, std::size_t i, const YoloClasses& classes, const ReadLimits& limits, Part& part) {
  ImageEntry& image = dataset.images[i];
  if (image.labels.empty()) return;
  std::error_code error;
  if (!fs::exists(dataset.root / image.labels, error)) {
    image.labelled = false;
    image.labels.clear();
    return;
  }
  try {
    const std::string text = read_file(dataset.root / image.labels, std::min(kMostBytes, limits.file_bytes));
    parse_yolo_text(text, image.labels, static_cast<std::uint32_t>(i), classes, limits, part.objects, part.problems);
  } catch (const Error& failure) {
    part.problems.add(ProblemKind::kBadLine, Severity::kError, image.labels, 0, failure.what());
  }
}

std::vector<std::string> lines_in(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    lines.emplace_back(line);
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
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

void add_objects(Dataset& dataset, YoloObjects objects) {
  const auto offset = static_cast<std::int32_t>(dataset.masks.size());
  for (auto& annotation : objects.annotations) {
    if (annotation.mask >= 0) annotation.mask += offset;
    dataset.annotations.push_back(annotation);
  }
  std::move(objects.masks.begin(), objects.masks.end(), std::back_inserter(dataset.masks));
}

void read_yolo_labels(Dataset& dataset, const ReadLimits& limits, ProblemList& problems) {
  constexpr std::size_t kBlock = 256;
  const YoloClasses classes(dataset.categories);
  std::vector<Part> parts((dataset.images.size() + kBlock - 1) / kBlock);
  parallel_blocks(dataset.images.size(), kBlock, [&](std::size_t begin, std::size_t end) {
    if (limits.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while labels were read");
    Part& part = parts[begin / kBlock];
    part.problems = ProblemList(limits.problems);
    for (std::size_t i = begin; i < end; ++i) read_one(dataset, i, classes, limits, part);
  });
  for (auto& part : parts) {
    add_objects(dataset, std::exchange(part.objects, {}));
    problems.append(std::move(part.problems));
  }
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
