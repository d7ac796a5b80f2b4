#include "goshawk/evaluate/curves.h"

#include <algorithm>

#include "goshawk/core/error.h"

namespace goshawk::evaluate {
namespace {

constexpr std::size_t kRecalls = 101;

OperatingPoint point(double confidence, std::int64_t detections, std::int64_t correct, std::int64_t objects) {
  OperatingPoint p{.confidence = confidence};
  p.precision = detections > 0 ? static_cast<double>(correct) / static_cast<double>(detections) : 0.0;
  p.recall = objects > 0 ? static_cast<double>(correct) / static_cast<double>(objects) : 0.0;
  // From the counts: the mean of the rounded ratios would make equal ones differ.
  p.f1 = correct > 0 ? 2.0 * static_cast<double>(correct) / static_cast<double>(detections + objects) : 0.0;
  return p;
}

/// Detections by class, each class by falling score.
std::vector<std::vector<JudgedDetection>> by_class(std::span<const JudgedDetection> detections, std::size_t classes) {
  std::vector<std::vector<JudgedDetection>> sorted(classes);
  for (const auto& detection : detections) {
    require(detection.category < classes, "confidence_curves: class beyond the list");
    sorted[detection.category].push_back(detection);
  }
  for (auto& list : sorted) {
    std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
  }
  return sorted;
}

/// A point after each group of equal scores: where a threshold can lie.
std::vector<OperatingPoint> steps_of(const std::vector<JudgedDetection>& sorted, std::int64_t objects) {
  std::vector<OperatingPoint> steps;
  std::int64_t correct = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    correct += sorted[i].correct ? 1 : 0;
    if (i + 1 < sorted.size() && sorted[i + 1].score == sorted[i].score) continue;
    steps.push_back(point(static_cast<double>(sorted[i].score), static_cast<std::int64_t>(i) + 1, correct, objects));
  }
  return steps;
}

/// The last step whose score is still `confidence` or more; the point of no detections before the first.
OperatingPoint step_at(const std::vector<OperatingPoint>& steps, double confidence, std::int64_t objects) {
  const auto beyond = std::partition_point(steps.begin(), steps.end(),
                                           [&](const OperatingPoint& step) { return step.confidence >= confidence; });
  OperatingPoint found = beyond == steps.begin() ? point(confidence, 0, 0, objects) : *(beyond - 1);
  found.confidence = confidence;
  return found;
}

std::vector<float> envelope_of(const std::vector<OperatingPoint>& steps) {
  std::vector<float> envelope(kRecalls, 0.0F);
  double greatest = 0;
  std::size_t step = steps.size();
  for (std::size_t i = kRecalls; i-- > 0;) {
    const double recall = static_cast<double>(i) / static_cast<double>(kRecalls - 1);
    while (step > 0 && steps[step - 1].recall >= recall) greatest = std::max(greatest, steps[--step].precision);
    envelope[i] = static_cast<float>(greatest);
  }
  return envelope;
}

ClassCurves curves_of(const std::vector<OperatingPoint>& steps, std::int64_t objects, std::size_t points) {
  ClassCurves curves;
  curves.objects = objects;
  for (std::size_t i = 0; i < points; ++i) {
    const auto at = step_at(steps, static_cast<double>(i) / static_cast<double>(points - 1), objects);
    const bool above_all = !steps.empty() && steps.front().confidence < at.confidence;
    curves.precision.push_back(above_all ? 1.0F : static_cast<float>(at.precision));
    curves.recall.push_back(static_cast<float>(at.recall));
    curves.f1.push_back(static_cast<float>(at.f1));
  }
  curves.envelope = envelope_of(steps);
  curves.best = point(1.0, 0, 0, objects);
  for (const auto& step : steps) {
    if (step.f1 > curves.best.f1) curves.best = step;
  }
  return curves;
}

std::vector<float> mean_of(const std::vector<ClassCurves>& classes, std::vector<float> ClassCurves::*curve) {
  std::vector<double> sum;
  std::size_t counted = 0;
  for (const auto& c : classes) {
    if (c.objects == 0) continue;
    const auto& values = c.*curve;
    sum.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) sum[i] += static_cast<double>(values[i]);
    ++counted;
  }
  if (counted == 0) return std::vector<float>(classes.empty() ? 0 : (classes.front().*curve).size(), 0.0F);
  std::vector<float> mean;
  for (const double s : sum) mean.push_back(static_cast<float>(s / static_cast<double>(counted)));
  return mean;
}

/// Over the classes that have objects.
template <typename PointOf>
OperatingPoint mean_point(std::span<const std::int64_t> objects, PointOf point_of) {
  OperatingPoint mean;
  double counted = 0;
  for (std::size_t c = 0; c < objects.size(); ++c) {
    if (objects[c] == 0) continue;
    const OperatingPoint p = point_of(c);
    mean.confidence += p.confidence;
    mean.precision += p.precision;
    mean.recall += p.recall;
    mean.f1 += p.f1;
    ++counted;
  }
  if (counted == 0) return {};
  return {mean.confidence / counted, mean.precision / counted, mean.recall / counted, mean.f1 / counted};
}

}  // namespace

Curves confidence_curves(std::span<const JudgedDetection> detections, std::span<const std::int64_t> objects,
                         std::size_t points) {
  require(points >= 2, "confidence_curves: at least two points");
  const auto sorted = by_class(detections, objects.size());
  Curves curves;
  for (std::size_t c = 0; c < objects.size(); ++c) {
    curves.classes.push_back(curves_of(steps_of(sorted[c], objects[c]), objects[c], points));
  }
  curves.mean_precision = mean_of(curves.classes, &ClassCurves::precision);
  curves.mean_recall = mean_of(curves.classes, &ClassCurves::recall);
  curves.mean_f1 = mean_of(curves.classes, &ClassCurves::f1);
  curves.mean_envelope = mean_of(curves.classes, &ClassCurves::envelope);
  curves.mean_at_best = mean_point(objects, [&](std::size_t c) { return curves.classes[c].best; });

  const auto top = std::max_element(curves.mean_f1.begin(), curves.mean_f1.end());
  if (top != curves.mean_f1.end()) {
    const auto i = static_cast<std::size_t>(top - curves.mean_f1.begin());
    curves.best_of_means = {static_cast<double>(i) / static_cast<double>(points - 1),
                            static_cast<double>(curves.mean_precision[i]), static_cast<double>(curves.mean_recall[i]),
                            static_cast<double>(*top)};
  }
  return curves;
}

std::vector<OperatingPoint> classes_at_confidence(std::span<const JudgedDetection> detections,
                                                  std::span<const std::int64_t> objects, double confidence) {
  const auto sorted = by_class(detections, objects.size());
  std::vector<OperatingPoint> points;
  for (std::size_t c = 0; c < objects.size(); ++c)
    points.push_back(step_at(steps_of(sorted[c], objects[c]), confidence, objects[c]));
  return points;
}

OperatingPoint at_confidence(std::span<const JudgedDetection> detections, std::span<const std::int64_t> objects,
                             double confidence) {
  const auto points = classes_at_confidence(detections, objects, confidence);
  return mean_point(objects, [&](std::size_t c) { return points[c]; });
}

}  // namespace goshawk::evaluate
