#include "goshawk/dataset/formats.h"

#include <algorithm>
#include <array>
#include <string>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/coco.h"
#include "goshawk/dataset/image_size.h"
#include "goshawk/dataset/mot.h"
#include "goshawk/dataset/problems.h"
#include "goshawk/dataset/readers.h"
#include "goshawk/dataset/recognise.h"
#include "goshawk/dataset/zip_archive.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

/// A format's name and functions.
struct FormatRow {
  Format format;
  const char* name;
  ReadResult (*read)(const fs::path&, const ReadLimits&);
  std::vector<Problem> (*write)(const Dataset&, const fs::path&, const WriteOptions&);
};

constexpr std::array kFormats{
    FormatRow{Format::kYolo, "yolo", read_yolo, write_yolo},                     //
    FormatRow{Format::kCoco, "coco", read_coco, write_coco},                     //
    FormatRow{Format::kVoc, "voc", read_voc, write_voc},                         //
    FormatRow{Format::kCvat, "cvat", read_cvat, write_cvat},                     //
    FormatRow{Format::kCvatYolo, "cvat-yolo", read_cvat_yolo, write_cvat_yolo},  //
    FormatRow{Format::kLabelImg, "labelimg", read_labelimg, write_labelimg},     //
    FormatRow{Format::kMot, "mot", read_mot, write_mot},                         //
};

const FormatRow& row_of(Format format) {
  const auto* row = std::find_if(kFormats.begin(), kFormats.end(), [&](const FormatRow& r) { return r.format == format; });
  require(row != kFormats.end(), "every format has a row");
  return *row;
}

/// As `write_dataset`, packed: into a folder beside the target first, of which nothing stays.
std::vector<Problem> write_archive(const Dataset& dataset, const FormatRow& row, const fs::path& target,
                                   const WriteOptions& options) {
  if (row.format != Format::kCvat && row.format != Format::kCvatYolo) {
    throw Error(ErrorCode::kUsage, std::string("the format ") + row.name + " is a folder, not an archive", target.string(),
                "Give a name without .zip.");
  }
  const AtomicFolder folder(target);  // never committed: the archive takes the name
  WriteOptions unpacked = options;
  if (options.images == Images::kCopy) unpacked.images = Images::kLink;  // the archive holds the one copy
  auto dropped = row.write(dataset, folder.temporary_path(), unpacked);
  const fs::path packed = temporary_beside(target);
  try {
    pack_folder(folder.temporary_path(), packed, options.stop);
    rename_durably(packed, target);
  } catch (...) {
    std::error_code ignored;
    fs::remove(packed, ignored);
    throw;
  }
  return dropped;
}

/// Where the data set of an unpacked archive lies: in the one folder that everything is in, unless what that folder is in
/// tells a format already.
fs::path set_within(fs::path folder) {
  while (!recognise_format(folder)) {
    std::vector<fs::path> inside;
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (!name.starts_with('.') && name != "__MACOSX") inside.push_back(entry.path());
    }
    std::error_code error;
    if (inside.size() != 1 || !fs::is_directory(inside[0], error)) break;
    folder = inside[0];
  }
  return folder;
}

[[noreturn]] void refuse_unknown(const fs::path& path, bool labelme) {
  if (labelme) {
    throw Error(ErrorCode::kUsage, "these are LabelMe's labels, which goshawk does not read", path.string(),
                "Write them as COCO or YOLO first: labelme2coco and labelme2yolo do.");
  }
  throw Error(ErrorCode::kUsage, "cannot tell the format of this data set", path.string(),
              "Looked for data.yaml, COCO .json, Annotations/*.xml, annotations.xml, obj.data, seqinfo.ini and classes.txt. "
              "Give the format with --from.");
}

/// `place`: the file or folder at `path`, or what was unpacked of it.
ReadResult read_place(const fs::path& path, const fs::path& place, std::optional<Format> format, const ReadLimits& limits) {
  if (!format) format = recognise_format(place);
  if (!format) refuse_unknown(path, holds_labelme(place));
  ReadResult result = row_of(*format).read(place, limits);
  result.dataset.format = format;
  sort_by_image(result.dataset);
  ProblemList problems(limits.problems);
  fill_image_sizes(result.dataset, problems, limits.stop, *format == Format::kMot);
  problems.move_to(result);
  return result;
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
  if (!is_zip_file(path)) return read_place(path, path, format, limits);
  ProblemList problems(limits.problems);
  const auto unpacked = UnpackedArchive::open(path, problems, {}, limits.stop);
  ReadResult result = read_place(path, set_within(unpacked->folder()), format, limits);
  result.dataset.unpacked = unpacked;
  problems.move_to(result);
  return result;
}

std::vector<Problem> write_dataset(const Dataset& dataset, Format format, const fs::path& target,
                                   const WriteOptions& options) {
  const FormatRow& row = row_of(format);
  if (to_lower(target.extension().string()) == ".zip") return write_archive(dataset, row, target, options);
  AtomicFolder folder(target);
  auto dropped = row.write(dataset, folder.temporary_path(), options);
  if (options.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped; nothing was written");
  folder.commit();
  return dropped;
}

}  // namespace goshawk::dataset
