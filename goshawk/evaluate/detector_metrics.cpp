#include "goshawk/evaluate/detector_metrics.h"

#include <algorithm>

#include "goshawk/core/error.h"

namespace goshawk::evaluate {
namespace {

CocoResult coco_of(const dataset::Dataset& truth, std::span<const Detections> predictions, const std::stop_token& stop) {
  CocoOptions options;
  options.stop = stop;
  CocoEvaluator evaluator(truth, options);
  for (std::size_t i = 0; i < predictions.size(); ++i) evaluator.add(static_cast<std::uint32_t>(i), predictions[i]);
  return evaluator.evaluate();
}

/// The most mistaken images of one kind.
std::vector<WorstImage> worst_of(std::span<const ImageErrors> errors, ErrorKind kind, std::size_t most) {
  std::vector<WorstImage> worst;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const auto count = errors[i].counts[static_cast<std::size_t>(kind)];
    if (count > 0) worst.push_back({static_cast<std::uint32_t>(i), count});
  }
  std::stable_sort(worst.begin(), worst.end(), [](const auto& a, const auto& b) { return a.mistakes > b.mistakes; });
  worst.resize(std::min(worst.size(), most));
  return worst;
}

}  // namespace

std::vector<std::vector<TrueObject>> true_objects(const dataset::Dataset& truth) {
  std::vector<std::vector<TrueObject>> objects(truth.images.size());
  for (const auto& annotation : truth.annotations) {
    if (annotation.score >= 0) continue;  // a prediction, no label
    objects[annotation.image].push_back(
        {annotation.rectangle.box(), static_cast<int>(annotation.category), annotation.crowd});
  }
  return objects;
}

DetectorMetrics measure_detector(const dataset::Dataset& truth, std::span<const Detections> predictions,
                                 const DetectorMetricsOptions& options) {
  require(predictions.size() == truth.images.size(), "measure_detector: predictions for each image are needed");
  require(!truth.categories.empty(), "measure_detector: a data set has classes");
  DetectorMetrics metrics(
      coco_of(truth, predictions, options.stop),
      ConfusionMatrix(static_cast<int>(truth.categories.size()), static_cast<float>(options.confidence)));
  metrics.confidence = options.confidence;
  metrics.summary = metrics.coco.summary();
  metrics.classes = metrics.coco.by_class();
  const auto judged = metrics.coco.judged();
  const auto objects_by_class = metrics.coco.objects();
  metrics.curves = confidence_curves(judged, objects_by_class);
  metrics.fixed = at_confidence(judged, objects_by_class, options.confidence);
  metrics.classes_fixed = classes_at_confidence(judged, objects_by_class, options.confidence);

  const auto objects = true_objects(truth);
  std::vector<ImageErrors> errors;
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    metrics.confusion.add(objects[i], predictions[i]);
    errors.push_back(find_errors(objects[i], predictions[i], {.confidence = static_cast<float>(options.confidence)}));
  }
  for (std::size_t kind = 0; kind < kErrorKinds; ++kind) {
    for (const auto& image : errors) metrics.mistakes[kind] += image.counts[kind];
    metrics.worst[kind] = worst_of(errors, static_cast<ErrorKind>(kind), options.worst_images);
  }
  return metrics;
}

}  // namespace goshawk::evaluate
