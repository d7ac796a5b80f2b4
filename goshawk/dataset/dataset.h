// A labelled data set in memory: the one form that every reader makes and every writer takes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "goshawk/core/geometry.h"

namespace goshawk::dataset {

enum class Format : std::uint8_t;  // formats.h

/// Part of a data set that an image belongs to; kNone where the format or its files do not say.
enum class Split : std::uint8_t { kNone, kTrain, kVal, kTest };

/// Box in double precision, as the formats hold it: top-left corner and size. Pixels of the image as viewers and label tools
/// show it (turned by its EXIF orientation), or fractions of it where its size is not known (ImageEntry::width == 0). May
/// lie outside the image.
struct Rectangle {
  double x = 0, y = 0, width = 0, height = 0;

  double area() const { return width * height; }
  Box box() const {
    return {static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + width), static_cast<float>(y + height)};
  }
  bool operator==(const Rectangle&) const = default;
};

/// Outline of an object: one or more polygons, each x1, y1, x2, y2, ... in the unit of the annotation's rectangle.
using Polygons = std::vector<std::vector<double>>;

/// Run lengths of a bit mask, column by column, beginning with background (COCO's RLE). Sum of counts = height * width.
struct RunLengths {
  std::uint32_t height = 0, width = 0;
  std::vector<std::uint32_t> counts;
  bool compressed = false;  // written as COCO's compressed text, else as a list
  bool operator==(const RunLengths&) const = default;
};

using Mask = std::variant<Polygons, RunLengths>;

/// What only some formats know of an object: CVAT's attributes, VOC's pose, MOT's visibility. In file order, names unique.
using Attributes = std::vector<std::pair<std::string, std::string>>;

/// An attribute that a labelling tool asks for with each object of a class (CVAT's label constructor).
struct AttributeRule {
  std::string name;
  std::string input_type;  // "select", "radio", "checkbox", "number", "text"
  std::string default_value;
  std::string values;       // the choices, one a line
  bool is_mutable = false;  // may change along a track
  bool operator==(const AttributeRule&) const = default;
};

/// A class. `id` is the number that the files use; its place in Dataset::categories is what annotations refer to.
struct Category {
  std::int64_t id = 0;
  std::string name;
  std::string supercategory = {};
  std::string color = {};  // "#rrggbb", empty: none
  std::vector<AttributeRule> attribute_rules = {};
  bool operator==(const Category&) const = default;
};

struct ImageEntry {
  std::int64_t id = 0;                  // COCO's and CVAT's number; unique within the data set
  std::string file;                     // relative to Dataset::root, '/' between folders, never outside of it; absolute
                                        // only where a list of the user's own names it so (YOLO's data.yaml and txt)
  std::string labels;                   // label file, relative to the root or absolute; empty: none, or one for all images
  std::uint32_t width = 0, height = 0;  // pixels as the file or the labels say; 0: not known
  Split split = Split::kNone;
  std::string sequence;          // MOT: the sequence's name; else empty
  std::int64_t frame = 0;        // MOT: 1-based number in the sequence; else 0
  bool labelled = true;          // false: no label file at all; an empty one says that nothing is there
  std::int32_t attributes = -1;  // what is known of the image as a whole; index into Dataset::attributes, -1: none
  std::int32_t gaps = -1;        // index into Dataset::gaps, -1: none, or not looked for (`load_label_gaps`)
  bool operator==(const ImageEntry&) const = default;
};

/// One object. Kept small (a dense set holds millions): what is rare lies in tables of the data set, by index.
struct Annotation {
  std::int64_t id = 0;         // COCO's number; 0: none
  std::uint32_t image = 0;     // index into Dataset::images
  std::uint32_t category = 0;  // index into Dataset::categories
  Rectangle rectangle;
  double area = 0;               // pixels^2 as the file states it (COCO: of the mask), else of the rectangle
  float score = -1;              // confidence in [0, 1] of a prediction; -1: labelled by a person or not stated
  std::int32_t mask = -1;        // index into Dataset::masks, -1: none
  std::int32_t attributes = -1;  // index into Dataset::attributes, -1: none
  std::int32_t track = -1;       // identity over frames, -1: none
  std::uint32_t line = 0;        // 1-based, in ImageEntry::labels or Dataset::source; 0: not known
  bool crowd = false;            // COCO's iscrowd: a region of many objects
  bool difficult = false;        // VOC
  bool truncated = false;        // VOC
  bool occluded = false;         // CVAT, VOC
};

/// What the labels of an image leave open (docs/training.md).
struct LabelGaps {
  std::vector<Rectangle> regions;      // in the unit of the image's annotations: neither object nor background
  std::vector<std::uint32_t> classes;  // indices into Dataset::categories whose absence from the labels says nothing
  bool operator==(const LabelGaps&) const = default;
};

/// What became of the classes of an earlier data set: old name and new name, the new one empty where the class was dropped.
using ClassMapping = std::vector<std::pair<std::string, std::string>>;

/// Images, classes and annotations. Annotations lie in the order of their images (`annotations_by_image` relies on it).
struct Dataset {
  std::filesystem::path root;    // folder that ImageEntry::file is relative to
  std::optional<Format> format;  // that it was read as; nullopt: images alone, or made
  std::string source;            // the file that was read: data.yaml, instances.json; relative to the root or absolute
  Attributes about;              // what the set says of itself, COCO's info: description, version, year, ...
  ClassMapping class_mapping;    // how this set was made from another one (data.yaml keeps it); empty: as it was labelled
  std::vector<Category> categories;
  std::vector<ImageEntry> images;
  std::vector<Annotation> annotations;
  std::vector<Mask> masks;
  std::vector<Attributes> attributes;
  std::vector<LabelGaps> gaps;
  std::vector<std::filesystem::path> listed;  // folders of which every image (or label) in them and below belongs to the set
  std::shared_ptr<const void> unpacked;       // keeps the temporary folders of unpacked archives, in which files lie then

  std::filesystem::path path_of(const ImageEntry& image) const { return root / image.file; }
};

/// Where each image's annotations lie: those of image i are [result[i], result[i + 1]). SHAPE: images + 1.
std::vector<std::size_t> annotations_by_image(const Dataset& dataset);
/// Puts the annotations into the order of their images; those of one image keep their order.
void sort_by_image(Dataset& dataset);

/// How bad a problem is; the exit status of `goshawk data check` follows from the worst.
enum class Severity : std::uint8_t { kNote, kWarning, kError };

/// What is wrong with a data set, a closed list.
enum class ProblemKind : std::uint8_t {
  kMissingImage,
  kUnreadableImage,
  kSizeDiffers,     // the image is not as large as the labels say
  kMissingLabels,   // an image without any label file
  kEmptyLabels,     // a label file without objects
  kBadLine,         // text that is no label; the line is left out
  kNotFinite,       // NaN or infinite numbers; the object is left out
  kOutsideImage,    // a box partly or wholly beyond the image
  kDegenerateBox,   // no width or no height
  kDuplicateBox,    // same image, class and box
  kUnknownClass,    // a class beyond the list; the object is left out
  kDuplicateClass,  // two classes of one name
  kDuplicateImage,  // the same bytes twice
  kNearDuplicate,   // pictures that look the same
  kUnsafePath,      // a path that leads out of the data set; the image is left out
  kTooMany,         // more objects than the limits allow; the rest is left out
  kOrphanLabels,    // a label file without an image
  kSharedLabels,    // one label file of several images
  kDropped,         // the target format cannot hold it
};

/// Name as it appears in reports and JSON, for instance "missing_image".
const char* name(ProblemKind kind);
const char* name(Severity severity);
const char* name(Split split);

/// One of many small problems in a data set; returned as a list, not thrown.
struct Problem {
  ProblemKind kind;
  Severity severity = Severity::kError;
  std::string file;       // as the user knows it: relative to the data set where it lies within
  std::int64_t line = 0;  // 1-based, 0: the file as a whole
  std::string message;    // one sentence
};

/// A data set as it was read, with all that was wrong with it.
struct ReadResult {
  Dataset dataset;
  std::vector<Problem> problems;        // at most ReadLimits::problems; in file order
  std::uint64_t problems_left_out = 0;  // those beyond the limit
};

/// Bounds on data sets from outside.
struct ReadLimits {
  std::uint64_t file_bytes = 8ULL << 30;  // of one label file; JSON of COCO's size fits
  std::uint64_t images = 20'000'000;
  std::uint64_t objects_per_image = 100'000;
  std::uint64_t problems = 10'000;  // listed; the rest is counted
  std::stop_token stop;             // then Error{kInterrupted}
};

}  // namespace goshawk::dataset
