// How good a network is, on images that it does not learn from.
#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "goshawk/core/recipe.h"
#include "goshawk/detect/letterbox.h"
#include "goshawk/evaluate/boxes.h"
#include "goshawk/train/training_set.h"

namespace goshawk::train {

/// The recipe of the models that training makes: family yolov8, letterbox around the centre, RGB in [0, 1].
Recipe recipe_of(const std::vector<std::string>& classes, int side, int stride);

/// Images as the recipe brings them to the network.
struct ValidationBatch {
  std::vector<std::size_t> images;            // [N] index of each that can be read and is of its labels' shape
  std::vector<std::uint8_t> pixels;           // [N, side, side, 3] RGB
  std::vector<detect::Placement> placements;  // of boxes in pixels of the labels
  std::vector<ImageTargets> targets;          // pixels of the input
  std::vector<std::pair<std::size_t, std::string>> unreadable;  // image, reason
  std::size_t size() const { return placements.size(); }
};

/// The images in batches, the next of which is made while the one before is judged; kept in memory as far as `cache_bytes`
/// go. One thread calls `batch`.
class ValidationImages {
 public:
  ValidationImages(const std::vector<TrainingImage>& images, Recipe recipe, int batch, std::uint64_t cache_bytes);
  int side() const { return recipe_.input_width; }
  std::size_t batches() const { return (images_.size() + batch_ - 1) / batch_; }
  std::shared_ptr<const ValidationBatch> batch(std::size_t index);

 private:
  std::shared_ptr<const ValidationBatch> make(std::size_t index) const;

  const std::vector<TrainingImage>& images_;
  Recipe recipe_;
  std::size_t batch_;
  std::uint64_t cache_bytes_, cached_bytes_ = 0;
  std::vector<std::shared_ptr<const ValidationBatch>> kept_;
  std::size_t ahead_index_ = 0;
  std::future<std::shared_ptr<const ValidationBatch>> ahead_;
};

/// What one image's output says: [4 + classes, anchors], cx cy w h in input pixels and scores. Every class of a box that
/// scores above 0.001 counts, as evaluations of this family do; NMS at 0.7, at most 300. In pixels of the image.
Detections detections_of(std::span<const float> output, int classes, const detect::Placement& placement);

/// The numbers that users of Ultralytics know; 0 where there is nothing to measure.
struct Metrics {
  double precision = 0, recall = 0;  // at the confidence of the greatest mean F1
  double map50 = 0, map = 0;
  std::vector<evaluate::ClassResult> by_class;
  /// What `best` means: 0.1 mAP50 + 0.9 mAP50-95.
  double fitness() const { return 0.1 * map50 + 0.9 * map; }
};
Metrics metrics_of(const evaluate::CocoResult& result);

}  // namespace goshawk::train
