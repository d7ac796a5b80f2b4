// COCO's JSON: data sets of labelled images, and the results of a detector. Source: COCO's "data format" and "results
// format" pages, and what pycocotools 2.0.11 takes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "goshawk/dataset/dataset.h"
#include "goshawk/dataset/formats.h"

namespace goshawk::dataset {

/// An instances.json, or a folder: annotations/instances_{train,val,test}*.json over images/, or {train,valid,test}/ with
/// _annotations.coco.json beside the images. Which split a file is shows in its name. Annotations may stand before the
/// images that they name. `Annotation::line` is the line of the object in its file. Listed, not thrown: objects of unknown
/// images (kOrphanLabels) or categories, numbers that are not finite, missing and misshapen fields, numbers used twice,
/// unsafe file names, and which further fields are not kept (kDropped, notes). Throws Error{kNotFound}, and {kBadData} for
/// what is no JSON of this kind: cut off, not UTF-8, bytes behind it.
ReadResult read_coco(const std::filesystem::path& path, const ReadLimits& limits = {});

/// annotations/instances_SPLIT.json (instances.json where there is no split) and images/. Numbers are written with the
/// fewest digits that read back the same. `score`, `track_id`, `sequence`, `frame` and `attributes` (of objects and images)
/// are further fields that other readers skip. Licences are numbered anew, those that no image has are left out.
std::vector<Problem> write_coco(const Dataset& dataset, const std::filesystem::path& folder,
                                const WriteOptions& options = {});

/// What of a file an evaluation needs.
enum class CocoParts : std::uint8_t { kBoxes, kBoxesAndMasks };

/// One instances.json for an evaluation: as `read_coco`, but file names are not looked at, images need no size (polygons
/// do), and annotations stay in the order of the file.
ReadResult read_coco_truth(const std::filesystem::path& file, CocoParts parts, const ReadLimits& limits = {});

/// One detection. Kept small: there are millions.
struct Prediction {
  std::uint32_t image = 0;     // index into Dataset::images
  std::uint32_t category = 0;  // index into Dataset::categories
  Rectangle rectangle;         // pixels
  double score = 0;            // any finite number; only the order counts
  std::int32_t mask = -1;      // index into Predictions::masks, -1: none
  std::uint32_t element = 0;   // 0-based place in the file
};

/// Detections in the order of the file.
struct Predictions {
  std::vector<Prediction> items;
  std::vector<Mask> masks;
  bool have_boxes = true;  // the first result has a box: then all areas are those of boxes (pycocotools' loadRes)
};

/// A results file before its numbers are looked up among images and categories: so that both files can be read at once.
struct CocoResults {
  Predictions predictions;
  std::vector<std::int64_t> image_ids, category_ids;  // [items]
  std::vector<Problem> problems;
  std::uint64_t problems_left_out = 0;
};

/// A list of {image_id, category_id, score, bbox or segmentation}. Listed and thrown as by `read_coco`.
CocoResults read_coco_results(const std::filesystem::path& file, CocoParts parts, const ReadLimits& limits = {});

/// Looks the numbers up. Detections of unknown images (kOrphanLabels) and categories (kUnknownClass, a warning: pycocotools
/// skips them) are listed and left out.
Predictions resolve(CocoResults& results, const Dataset& truth, const ReadLimits& limits = {});

}  // namespace goshawk::dataset
