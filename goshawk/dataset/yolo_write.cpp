// Writing YOLO data sets: images/<split>/, labels/<split>/ and data.yaml.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/parallel.h"
#include "goshawk/dataset/dropped.h"
#include "goshawk/dataset/folder_writer.h"
#include "goshawk/dataset/readers.h"
#include "goshawk/dataset/yolo_files.h"
#include "goshawk/dataset/yolo_text.h"

namespace goshawk::dataset {
namespace {

constexpr std::array kSplits{Split::kTrain, Split::kVal, Split::kTest};

const std::vector<double>* single_polygon(const Dataset& dataset, const Annotation& annotation) {
  if (annotation.mask < 0) return nullptr;
  const auto* polygons = std::get_if<Polygons>(&dataset.masks[static_cast<std::size_t>(annotation.mask)]);
  if (polygons == nullptr || polygons->size() != 1 || polygons->front().size() < 6) return nullptr;
  return &polygons->front();
}

/// Whether reading the outline gives the box back.
bool spans_its_box(const Rectangle& r, const std::vector<double>& polygon) {
  constexpr double kSame = 1e-6;
  const Rectangle e = extent(polygon);
  return std::abs(e.x - r.x) < kSame && std::abs(e.y - r.y) < kSame && std::abs(e.width - r.width) < kSame &&
         std::abs(e.height - r.height) < kSame;
}

/// The images whose every object has an outline that spans its box: these are written. Ultralytics refuses files that mix
/// boxes and outlines. SHAPE: one for each image.
std::vector<char> outlined_images(const Dataset& dataset) {
  std::vector<char> outlined(dataset.images.size(), 1);
  for (const auto& annotation : dataset.annotations) {
    const auto* polygon = single_polygon(dataset, annotation);
    if (polygon == nullptr || annotation.crowd || !spans_its_box(annotation.rectangle, *polygon))
      outlined[annotation.image] = 0;
  }
  return outlined;
}

class Writer {
 public:
  Writer(const Dataset& dataset, const std::filesystem::path& folder, const WriteOptions& options)
      : dataset_(dataset), options_(options), files_(folder), outlined_(outlined_images(dataset)) {}

  std::vector<Problem> run() {
    name_images();
    write_labels();
    write_gaps();
    files_.write("data.yaml", config());
    auto problems = dropped();
    auto missing = place_images(files_, dataset_, names_, options_);
    problems.insert(problems.end(), missing.begin(), missing.end());
    return problems;
  }

 private:
  void name_images() {
    for (const auto& image : dataset_.images) used_[static_cast<std::size_t>(image.split)] = true;
    mixed_ = used_[0] && (used_[1] || used_[2] || used_[3]);
    DistinctNames distinct;
    for (const auto& image : dataset_.images) {
      const Split split = mixed_ && image.split == Split::kNone ? Split::kTrain : image.split;
      std::string stem = "images/";
      if (split != Split::kNone) stem += std::string(name(split)) + "/";
      names_.push_back(distinct.take(stem + written_name(image)));
    }
    if (mixed_) {
      used_[0] = false;
      used_[1] = true;
    }
  }

  void write_labels() {
    const auto begin = annotations_by_image(dataset_);
    parallel_blocks(dataset_.images.size(), 64, [&](std::size_t first, std::size_t last) {
      if (options_.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped; nothing was written");
      std::string text;
      for (std::size_t i = first; i < last; ++i) {
        if (!dataset_.images[i].labelled && begin[i] == begin[i + 1]) continue;
        text.clear();
        for (std::size_t k = begin[i]; k < begin[i + 1]; ++k) append(dataset_.annotations[k], dataset_.images[i], text);
        files_.write(yolo_labels_of(names_[i]), text);
      }
    });
  }

  void append(const Annotation& annotation, const ImageEntry& image, std::string& text) const {
    if (annotation.crowd) return;
    const bool outlined = outlined_[annotation.image] != 0;
    const auto outline = outlined ? held_outline(*single_polygon(dataset_, annotation), image) : std::nullopt;
    const auto box = outlined ? std::nullopt : held_box(annotation.rectangle, image);
    if (!outline && !box) return;
    text += std::to_string(annotation.category);
    if (outline) append_yolo_outline(text, *outline, image);
    else append_yolo_box(text, *box, image);
    if (options_.scores && annotation.score >= 0) {
      std::array<char, 32> digits{};
      text += ' ';
      text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), annotation.score).ptr);
    }
    text += '\n';
  }

  void write_gaps() {
    std::string partial;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const ImageEntry& image = dataset_.images[i];
      if (image.gaps < 0) continue;
      const LabelGaps& gaps = dataset_.gaps[static_cast<std::size_t>(image.gaps)];
      std::string regions;
      for (const auto& region : gaps.regions) {
        std::string line;
        append_yolo_box(line, region, image);
        regions += line.substr(1) + "\n";
      }
      const std::string labels = yolo_labels_of(names_[i]);
      if (!regions.empty()) files_.write("ignore" + labels.substr(labels.find('/')), regions);
      if (!gaps.classes.empty()) partial += names_[i] + labelled_in_full(gaps) + "\n";
    }
    if (!partial.empty()) files_.write("partial.txt", partial);
  }

  /// As partial.txt has it: each class behind a tab.
  std::string labelled_in_full(const LabelGaps& gaps) const {
    std::string text;
    for (std::uint32_t c = 0; c < dataset_.categories.size(); ++c) {
      if (std::find(gaps.classes.begin(), gaps.classes.end(), c) == gaps.classes.end())
        text += "\t" + dataset_.categories[c].name;
    }
    return text.empty() ? "\t-" : text;
  }

  std::vector<Problem> dropped() const {
    Holds holds;
    holds.scores = holds.polygons = true;  // told below
    holds.splits = holds.unlabelled = holds.class_mapping = holds.gaps = true;
    auto notes = dropped_fields(dataset_, holds, "yolo");
    const auto note = [&](std::string text) {
      notes.push_back({ProblemKind::kDropped, Severity::kNote, "", 0, std::move(text)});
    };
    std::uint64_t scores = 0, outlines = 0;
    for (const auto& a : dataset_.annotations) {
      scores += a.score >= 0 ? 1 : 0;
      outlines += outlined_[a.image] == 0 && a.mask >= 0 &&
                          std::holds_alternative<Polygons>(dataset_.masks[static_cast<std::size_t>(a.mask)])
                      ? 1
                      : 0;
    }
    if (scores > 0 && !options_.scores) note("confidences: " + std::to_string(scores) + " dropped (--scores keeps them)");
    if (outlines > 0)
      note("outlines of images whose objects have not all one that fits its box: " + std::to_string(outlines) + " dropped");
    for (auto& held : held_notes(dataset_, "yolo", outlined_)) notes.push_back(std::move(held));
    if (mixed_) note("images that are in no split were put into train");
    return notes;
  }

  /// Without "path", the file's own folder is meant, wherever it is moved to.
  std::string config() const {
    std::string text;
    if (used_[0] || dataset_.images.empty()) {
      text += "train: images\nval: images\n";  // no split is stated
    } else {
      for (const Split split : kSplits) {
        const bool used = used_[static_cast<std::size_t>(split)];  // Ultralytics wants train and val, though they be empty
        if (used || split != Split::kTest)
          text += std::string(name(split)) + ":" + (used ? std::string(" images/") + name(split) : "") + "\n";
      }
    }
    text +=
        "nc: " + std::to_string(dataset_.categories.size()) + "\nnames:" + (dataset_.categories.empty() ? " []\n" : "\n");
    for (std::size_t i = 0; i < dataset_.categories.size(); ++i)
      text += "  " + std::to_string(i) + ": " + json_quoted(dataset_.categories[i].name) + "\n";
    if (dataset_.class_mapping.empty()) return text;
    text += "class_mapping:  # old name: new name; empty: dropped\n";
    for (const auto& [from, to] : dataset_.class_mapping) text += "  " + json_quoted(from) + ": " + json_quoted(to) + "\n";
    return text;
  }

  const Dataset& dataset_;
  const WriteOptions& options_;
  FolderWriter files_;
  const std::vector<char> outlined_;  // by image
  std::vector<std::string> names_;
  std::array<bool, 4> used_{};  // by split
  bool mixed_ = false;          // some images are of no split: they go to train
};

}  // namespace

std::vector<Problem> write_yolo(const Dataset& dataset, const std::filesystem::path& folder, const WriteOptions& options) {
  return Writer(dataset, folder, options).run();
}

}  // namespace goshawk::dataset
