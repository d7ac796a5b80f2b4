// Precision, recall and F1 over the confidence, by class.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace goshawk::evaluate {

/// A detection that was held against the labels (IoU 0.5, COCO's matching); those that count neither way are left out.
struct JudgedDetection {
  float score = 0;  // [0, 1]
  std::uint32_t category = 0;
  bool correct = false;
};

/// At one confidence. Where nothing is detected, or nothing is there, the ratio is 0, so that a class that is never found
/// does not lift the mean.
struct OperatingPoint {
  double confidence = 0;
  double precision = 0;
  double recall = 0;
  double f1 = 0;
};

/// One class's curves.
struct ClassCurves {
  std::int64_t objects = 0;
  // [points] at confidence i / (points - 1), of the detections with at least that score. Precision beyond the greatest score
  // is drawn as 1, the limit that users of such curves know.
  std::vector<float> precision, recall, f1;
  std::vector<float> envelope;  // [101] greatest precision at recall i / 100 or beyond: the PR curve
  OperatingPoint best;          // greatest F1 over every confidence that occurs; the higher confidence where equal
};

/// All classes. Means are over the classes that have objects; 0 where none has.
struct Curves {
  std::vector<ClassCurves> classes;
  std::vector<float> mean_precision, mean_recall, mean_f1;  // [points]
  std::vector<float> mean_envelope;                         // [101]
  OperatingPoint mean_at_best;   // each class at its own best confidence, then the mean; f1 too is a mean
  OperatingPoint best_of_means;  // the one confidence at which the mean F1 is greatest (Ultralytics' way)
};

/// `objects`: labels by class that count. `points`: samples of the confidence axis, at least 2 (Ultralytics has 1000).
Curves confidence_curves(std::span<const JudgedDetection> detections, std::span<const std::int64_t> objects,
                         std::size_t points = 1001);

/// The mean over classes with objects at one confidence, exact (not from the samples).
OperatingPoint at_confidence(std::span<const JudgedDetection> detections, std::span<const std::int64_t> objects,
                             double confidence);

/// The same of each class.
std::vector<OperatingPoint> classes_at_confidence(std::span<const JudgedDetection> detections,
                                                  std::span<const std::int64_t> objects, double confidence);

}  // namespace goshawk::evaluate
