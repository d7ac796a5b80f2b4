#include "goshawk/train/validation.h"

#include <algorithm>
#include <cmath>

#include "goshawk/core/parallel.h"
#include "goshawk/detect/nms.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/media/image.h"

namespace goshawk::train {
namespace {

constexpr float kLeastScore = 0.001F, kOverlap = 0.7F;
constexpr int kMostDetections = 300;

ImageTargets placed(const TrainingImage& image, const detect::Placement& p) {
  const auto to_input = [&](const Box& b) {
    return Box{b.x1 * p.scale_x + p.pad_x, b.y1 * p.scale_y + p.pad_y, b.x2 * p.scale_x + p.pad_x,
               b.y2 * p.scale_y + p.pad_y};
  };
  ImageTargets targets;
  for (const auto& object : image.targets.objects) targets.objects.push_back({to_input(object.box), object.class_id});
  for (const auto& region : image.targets.ignored) targets.ignored.push_back(to_input(region));
  targets.unlabelled = image.targets.unlabelled;
  return targets;
}

}  // namespace

Recipe recipe_of(const std::vector<std::string>& classes, int side, int stride) {
  Recipe recipe = detect::family_defaults(Family::kYoloV8);
  recipe.class_names = classes;
  recipe.input_width = recipe.input_height = side;
  recipe.stride = stride;
  return recipe;
}

ValidationImages::ValidationImages(const std::vector<TrainingImage>& images, Recipe recipe, int batch,
                                   std::uint64_t cache_bytes)
    : images_(images),
      recipe_(std::move(recipe)),
      batch_(static_cast<std::size_t>(batch)),
      cache_bytes_(cache_bytes),
      kept_(batches()) {}

std::shared_ptr<const ValidationBatch> ValidationImages::make(std::size_t index) const {
  auto batch = std::make_shared<ValidationBatch>();
  batch->first = index * batch_;
  const std::size_t count = std::min(batch_, images_.size() - batch->first);
  const auto side = static_cast<std::size_t>(recipe_.input_width), plane = side * side;
  batch->pixels.resize(count * plane * 3);
  batch->placements.resize(count);
  batch->targets.resize(count);
  parallel_blocks(count, 1, [&](std::size_t i, std::size_t) {
    const auto& image = images_[batch->first + i];
    std::vector<float> tensor(plane * 3);
    batch->placements[i] =
        detect::prepare(media::read_image(image.path), recipe_, recipe_.input_width, recipe_.input_height, tensor);
    std::uint8_t* out = batch->pixels.data() + i * plane * 3;
    for (std::size_t c = 0; c < 3; ++c) {
      const float* values = tensor.data() + c * plane;
      for (std::size_t p = 0; p < plane; ++p) out[p * 3 + c] = static_cast<std::uint8_t>(values[p] * 255.0F + 0.5F);
    }
    batch->targets[i] = placed(image, batch->placements[i]);
  });
  return batch;
}

std::shared_ptr<const ValidationBatch> ValidationImages::batch(std::size_t index) {
  std::shared_ptr<const ValidationBatch> result = kept_[index];
  if (!result) {
    result = ahead_.valid() && ahead_index_ == index ? ahead_.get() : make(index);
    if (cached_bytes_ + result->pixels.size() <= cache_bytes_) {
      kept_[index] = result;
      cached_bytes_ += result->pixels.size();
    }
  }
  if (index + 1 < batches() && !kept_[index + 1]) {
    ahead_index_ = index + 1;
    ahead_ = std::async(std::launch::async, [this, next = index + 1] { return make(next); });
  }
  return result;
}

Detections detections_of(std::span<const float> output, int classes, const detect::Placement& placement) {
  const std::size_t anchors = output.size() / static_cast<std::size_t>(4 + classes);
  std::vector<detect::Candidate> candidates;
  for (int c = 0; c < classes; ++c) {
    const float* scores = output.data() + static_cast<std::size_t>(4 + c) * anchors;
    for (std::size_t a = 0; a < anchors; ++a) {
      if (!(scores[a] > kLeastScore)) continue;
      const float x = output[a], y = output[anchors + a], w = output[2 * anchors + a], h = output[3 * anchors + a];
      if (!std::isfinite(x + y + w + h)) continue;
      candidates.push_back({{x - w / 2, y - h / 2, x + w / 2, y + h / 2}, scores[a], c});
    }
  }
  detect::suppress(candidates, kOverlap, kMostDetections);
  Detections detections;
  for (const auto& c : candidates) detections.push_back({placement.to_image(c.box), c.score, c.class_id, {}});
  return detections;
}

Metrics metrics_of(const evaluate::CocoResult& result) {
  const auto summary = result.summary();
  const auto curves = evaluate::confidence_curves(result.judged(), result.objects());
  Metrics metrics;
  metrics.precision = curves.best_of_means.precision;
  metrics.recall = curves.best_of_means.recall;
  metrics.map50 = std::max(summary.ap50, 0.0);
  metrics.map = std::max(summary.ap, 0.0);
  metrics.by_class = result.by_class();
  return metrics;
}

}  // namespace goshawk::train
