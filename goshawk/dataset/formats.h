// The label formats, and what they share when they are read and written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "goshawk/dataset/dataset.h"

namespace goshawk::dataset {

/// kVoc: Pascal VOC XML. kCvat: CVAT for images 1.1 (XML, or a zip that holds it). kCvatYolo: CVAT's "YOLO 1.1" zip or
/// folder. kLabelImg: labels beside the images, VOC XML or YOLO text with classes.txt. kMot: gt.txt or det.txt with
/// seqinfo.ini.
enum class Format : std::uint8_t { kYolo, kCoco, kVoc, kCvat, kCvatYolo, kLabelImg, kMot };

/// "yolo", "coco", "voc", "cvat", "cvat-yolo", "labelimg", "mot".
const char* name(Format format);
std::optional<Format> format_of(std::string_view name);

/// Reads the data set at `path` (a data.yaml, an instances.json, a folder, an archive); recognises its format when none is
/// given. An archive (.zip) is of any format, with or without one folder around it. Bad labels are listed in the result, not
/// thrown. Sizes that the labels do not say are taken from the images; what only check looks for (images beyond that, boxes
/// outside, duplicates) is not looked for here. Throws Error{kNotFound}, {kBadData, kBadConfig} for a file without which
/// nothing can be read, and {kUsage} when the format cannot be told, naming what was looked for.
ReadResult read_dataset(const std::filesystem::path& path, std::optional<Format> format = {}, const ReadLimits& limits = {});

/// How images come into a written data set.
enum class Images : std::uint8_t { kCopy, kLink, kNone };  // kLink: hard link, else a symbolic one; kNone: labels alone

struct WriteOptions {
  Images images = Images::kCopy;
  bool text = false;    // LabelImg: its YOLO text and classes.txt instead of VOC XML
  bool scores = false;  // YOLO: a confidence as sixth column, which Ultralytics reads in predictions but refuses in labels
  std::function<void(std::int64_t done, std::int64_t total)> progress;  // called in the caller's thread; may be empty
  std::stop_token stop;                                                 // then Error{kInterrupted}, and no target
};

/// Writes `dataset` to `target`, which must not exist: under a temporary name first, renamed when it is complete, so that an
/// interrupted run leaves nothing. Returns what the format cannot hold (ProblemKind::kDropped, one line a kind of field).
/// Throws Error{kUsage} when the target exists, {kIo}, {kInterrupted}.
std::vector<Problem> write_dataset(const Dataset& dataset, Format format, const std::filesystem::path& target,
                                   const WriteOptions& options = {});

}  // namespace goshawk::dataset
