#include "goshawk/dataset/formats.h"

#include <algorithm>
#include <array>
#include <string>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/dataset/image_size.h"
#include "goshawk/dataset/problems.h"
#include "goshawk/dataset/readers.h"
#include "goshawk/dataset/recognise.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

/// A format's name and functions; null where it is not built yet.
struct FormatRow {
  Format format;
  const char* name;
  ReadResult (*read)(const fs::path&, const ReadLimits&);
  std::vector<Problem> (*write)(const Dataset&, const fs::path&, const WriteOptions&);
};

constexpr std::array kFormats{
    FormatRow{Format::kYolo, "yolo", read_yolo, write_yolo},      //
    FormatRow{Format::kCoco, "coco", nullptr, nullptr},           //
    FormatRow{Format::kVoc, "voc", read_voc, write_voc},          //
    FormatRow{Format::kCvat, "cvat", nullptr, nullptr},           //
    FormatRow{Format::kCvatYolo, "cvat-yolo", nullptr, nullptr},  //
    FormatRow{Format::kLabelImg, "labelimg", nullptr, nullptr},   //
    FormatRow{Format::kMot, "mot", nullptr, nullptr},             //
};

const FormatRow& row_of(Format format) {
  const auto* row = std::find_if(kFormats.begin(), kFormats.end(), [&](const FormatRow& r) { return r.format == format; });
  require(row != kFormats.end(), "every format has a row");
  return *row;
}

}  // namespace

const char* name(Format format) { return row_of(format).name; }

std::optional<Format> format_of(std::string_view name) {
  for (const auto& entry : kFormats) {
    if (entry.name == name) return entry.format;
  }
  return std::nullopt;
}

ReadResult read_dataset(const fs::path& path, std::optional<Format> format, const ReadLimits& limits) {
  if (!format) format = recognise_format(path);
  if (!format) {
    throw Error(
        ErrorCode::kUsage, "cannot tell the format of this data set", path.string(),
        "Looked for data.yaml, COCO .json, Annotations/*.xml, annotations.xml, obj.data, seqinfo.ini and classes.txt. "
        "Give the format with --from.");
  }
  const FormatRow& row = row_of(*format);
  if (row.read == nullptr) throw Error(ErrorCode::kUsage, std::string("the format ") + row.name + " cannot be read yet");
  ReadResult result = row.read(path, limits);
  sort_by_image(result.dataset);
  ProblemList problems(limits.problems);
  fill_image_sizes(result.dataset, problems, limits.stop);
  problems.move_to(result);
  return result;
}

std::vector<Problem> write_dataset(const Dataset& dataset, Format format, const fs::path& target,
                                   const WriteOptions& options) {
  const FormatRow& row = row_of(format);
  if (row.write == nullptr) throw Error(ErrorCode::kUsage, std::string("the format ") + row.name + " cannot be written yet");
  AtomicFolder folder(target);
  auto dropped = row.write(dataset, folder.temporary_path(), options);
  if (options.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped; nothing was written");
  folder.commit();
  return dropped;
}

}  // namespace goshawk::dataset
