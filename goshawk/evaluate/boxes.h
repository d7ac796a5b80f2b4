// COCO's detection metrics: average precision and recall of boxes and masks. Source: COCO's evaluation page, and
// pycocotools 2.0.11 (COCOeval), whose every number this gives.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "goshawk/core/detection.h"
#include "goshawk/dataset/coco.h"
#include "goshawk/dataset/dataset.h"
#include "goshawk/evaluate/curves.h"

namespace goshawk::evaluate {

enum class Overlap : std::uint8_t { kBoxes, kMasks };

/// Objects of an area within [least, most] count; others, and detections of such an area that find nothing, count neither
/// way.
struct AreaRange {
  std::string name;
  double least = 0, most = 1e10;  // pixels^2
};

struct CocoOptions {
  Overlap overlap = Overlap::kBoxes;
  std::vector<double> thresholds;  // of the overlap, rising, at most 16; empty: 0.50, 0.55, ... 0.95
  std::vector<std::uint32_t> max_detections = {1, 10, 100};  // of an image and class, the most confident; rising, at most 8
  std::vector<AreaRange> areas;                              // at most 8; empty: all, small, medium, large
  // pycocotools 2.0.11 takes a match with the object of id 0 for none, so that its detection is counted as wrong. Objects
  // from elsewhere have the id 0 for "none": only who compares with pycocotools' numbers sets this.
  bool id_zero_never_matches = false;
  std::size_t threads = 0;  // 0: as many as cores
  std::stop_token stop;     // then Error{kInterrupted}
};

/// The twelve numbers; -1 where there is nothing to measure. Averages over classes that have objects.
struct CocoSummary {
  double ap = -1, ap50 = -1, ap75 = -1;                 // over all thresholds; at 0.50; at 0.75
  double ap_small = -1, ap_medium = -1, ap_large = -1;  // areas below 32^2, to 96^2, above
  std::vector<double> ar;                               // by CocoOptions::max_detections
  double ar_small = -1, ar_medium = -1, ar_large = -1;  // with the greatest of them
  bool operator==(const CocoSummary&) const = default;
};

/// How one class fares, at the greatest number of detections.
struct ClassResult {
  double ap = -1, ap50 = -1, ap75 = -1;
  double ar = -1;
  std::int64_t objects = 0;     // without crowds
  std::int64_t detections = 0;  // up to the greatest number an image
};

/// A detection and what it found at one threshold.
struct Match {
  std::uint32_t detection = 0;  // place in what was added
  std::int32_t object = -1;     // index into Dataset::annotations, -1: nothing
  bool ignored = false;         // counts neither way: it found a crowd
};

/// What came of matching: small records by class and image, out of which all figures are summed up, again and again with
/// other weights of the images if need be. Thread rule: const methods may be called from several threads at once.
class CocoResult {
 public:
  const CocoOptions& options() const { return options_; }
  std::size_t classes() const { return classes_.size(); }

  /// The numbers over all images.
  CocoSummary summary() const;
  /// As if image i were there weights[i] times: for a bootstrap, weights are how often it was drawn. SHAPE: images, in the
  /// order of Dataset::images.
  CocoSummary summary(std::span<const std::uint32_t> weights) const;
  /// In the order of Dataset::categories.
  std::vector<ClassResult> by_class() const;

  /// SHAPE: [thresholds, 101 recalls, classes by rising id, areas, max_detections], as COCOeval.eval['precision'].
  std::vector<double> precision() const;
  /// SHAPE: [thresholds, classes by rising id, areas, max_detections], as COCOeval.eval['recall'].
  std::vector<double> recall() const;

  /// For curves over the confidence: every detection up to the greatest number that counts, at the threshold with that
  /// index, and the objects that count by class, both over all areas.
  std::vector<JudgedDetection> judged(std::size_t threshold = 0) const;
  std::vector<std::int64_t> objects() const;
  /// What each detection found at that threshold over all areas, by image; within it by class and falling score.
  std::vector<std::vector<Match>> matches(std::size_t threshold = 0) const;

  // The records behind the figures.
  struct Found {
    double score = 0;
    std::uint32_t image = 0;
    std::uint32_t rank = 0;       // within its image and class, 0: the most confident
    std::uint32_t detection = 0;  // place in what was added
  };
  /// Bit t of a word: at threshold t.
  struct Judgement {
    std::uint16_t matched = 0, ignored = 0;
  };
  struct Object {
    std::uint32_t image = 0;
    std::uint8_t counts = 0;  // bit a: counts in area a
  };
  struct ClassRecords {
    std::vector<Found> found;           // by falling score, equal ones by image id and the order in which they were added
    std::vector<Judgement> judgements;  // [found, areas]
    std::vector<std::int32_t> objects_found;  // [found, thresholds], of area 0: index into Dataset::annotations, -1
    std::vector<Object> objects;
  };
  /// `classes`: as Dataset::categories; `by_id`: those by rising id.
  CocoResult(CocoOptions options, std::size_t images, std::vector<ClassRecords> classes, std::vector<std::uint32_t> by_id);

 private:
  CocoOptions options_;
  std::size_t images_;
  std::vector<ClassRecords> classes_;
  std::vector<std::uint32_t> by_id_;
};

/// Takes a detector's answers over a data set, one image at a time, and compares. Not thread-safe.
class CocoEvaluator {
 public:
  /// Keeps a reference to `truth`; its annotations with a score below 0 are the objects. Their order within an image decides
  /// between equal overlaps. Throws Error{kUsage} for options out of range.
  explicit CocoEvaluator(const dataset::Dataset& truth, CocoOptions options = {});

  /// What was found on Dataset::images[image]; `class_id` is the index into Dataset::categories, others are left out.
  /// Scores are finite.
  void add(std::uint32_t image, const Detections& detections);
  /// All at once; masks are kept where `options.overlap` needs them.
  void add(dataset::Predictions predictions);
  /// Annotations with a score: predictions that a data set holds beside its objects.
  void add_scored(const dataset::Dataset& predictions);

  /// Matches everything that was added, on several threads. Call once.
  /// Throws Error{kBadData} where masks need an image's size and it is not known, {kInterrupted}.
  CocoResult evaluate();

 private:
  const dataset::Dataset& truth_;
  CocoOptions options_;
  dataset::Predictions predictions_;
};

}  // namespace goshawk::evaluate
