// All that is said about a detector on a data set.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <stop_token>
#include <utility>
#include <vector>

#include "goshawk/core/detection.h"
#include "goshawk/dataset/dataset.h"
#include "goshawk/evaluate/boxes.h"
#include "goshawk/evaluate/curves.h"
#include "goshawk/evaluate/errors.h"

namespace goshawk::evaluate {

struct DetectorMetricsOptions {
  double confidence = 0.25;       // of precision, recall and F1 at a fixed confidence, the confusion matrix and the mistakes
  std::size_t worst_images = 12;  // kept for each kind of mistake
  std::stop_token stop;
};

/// An image with many mistakes of one kind, by falling number; equal ones in their order in the data set.
struct WorstImage {
  std::uint32_t image = 0;  // index into Dataset::images
  std::uint32_t mistakes = 0;
};

struct DetectorMetrics {
  DetectorMetrics(CocoResult result, ConfusionMatrix matrix) : coco(std::move(result)), confusion(std::move(matrix)) {}

  CocoResult coco;  // from which intervals can be drawn
  CocoSummary summary;
  std::vector<ClassResult> classes;           // as Dataset::categories
  Curves curves;                              // at IoU 0.5
  double confidence = 0;                      // the fixed one
  OperatingPoint fixed;                       // mean over the classes that have objects
  std::vector<OperatingPoint> classes_fixed;  // as Dataset::categories
  ConfusionMatrix confusion;
  std::array<std::int64_t, kErrorKinds> mistakes{};        // by ErrorKind
  std::array<std::vector<WorstImage>, kErrorKinds> worst;  // by ErrorKind
};

/// `predictions`: an entry an image of `truth`, in pixels of it; class_id is an index into Dataset::categories. Sizes of all
/// images are known. Throws Error{kInterrupted}.
DetectorMetrics measure_detector(const dataset::Dataset& truth, std::span<const Detections> predictions,
                                 const DetectorMetricsOptions& options = {});

/// The labelled objects of each image, as find_errors takes them. SHAPE: images.
std::vector<std::vector<TrueObject>> true_objects(const dataset::Dataset& truth);

}  // namespace goshawk::evaluate
