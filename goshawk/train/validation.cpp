#include "goshawk/train/validation.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/parallel.h"
#include "goshawk/detect/nms.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/media/image.h"

namespace goshawk::train {
namespace {

constexpr float kLeastScore = 0.001F, kOverlap = 0.7F;
constexpr int kMostDetections = 300;

ImageTargets placed(const TrainingImage& image, const detect::Placement& p) {
  ImageTargets targets;
  for (const auto& object : image.targets.objects) targets.objects.push_back({p.to_input(object.box), object.class_id});
  for (const auto& region : image.targets.ignored) targets.ignored.push_back(p.to_input(region));
  targets.unlabelled = image.targets.unlabelled;
  return targets;
}

/// The same for boxes in pixels of the labels of `image`, where the picture is of another size than they state.
detect::Placement of_labels(detect::Placement p, const TrainingImage& image) {
  const auto scale = scale_to_labels(image, p.image_width, p.image_height);
  p.scale_x /= scale.x;
  p.scale_y /= scale.y;
  p.image_width = image.width;
  p.image_height = image.height;
  return p;
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
  const std::size_t first = index * batch_, count = std::min(batch_, images_.size() - first);
  const auto side = static_cast<std::size_t>(recipe_.input_width), plane = side * side;
  struct One {
    detect::Placement placement;
    std::string problem;
  };
  std::vector<One> all(count);
  batch->pixels.resize(count * plane * 3);
  parallel_blocks(count, 1, [&](std::size_t i, std::size_t) {
    try {
      std::vector<float> tensor(plane * 3);
      const TrainingImage& image = images_[first + i];
      all[i].placement = of_labels(
          detect::prepare(media::read_image(image.path), recipe_, recipe_.input_width, recipe_.input_height, tensor), image);
      std::uint8_t* out = batch->pixels.data() + i * plane * 3;
      for (std::size_t c = 0; c < 3; ++c) {
        const float* values = tensor.data() + c * plane;
        for (std::size_t p = 0; p < plane; ++p) out[p * 3 + c] = static_cast<std::uint8_t>(values[p] * 255.0F + 0.5F);
      }
    } catch (const Error& error) {
      all[i].problem = error.what();
    }
  });
  auto end = batch->pixels.begin();  // of what could be read, moved together
  const auto bytes = static_cast<std::ptrdiff_t>(plane * 3);
  for (std::size_t i = 0; i < count; ++i) {
    if (!all[i].problem.empty()) {
      batch->unreadable.emplace_back(first + i, all[i].problem);
      continue;
    }
    const auto own = batch->pixels.begin() + static_cast<std::ptrdiff_t>(i) * bytes;
    end = end == own ? end + bytes : std::copy(own, own + bytes, end);
    batch->images.push_back(first + i);
    batch->placements.push_back(all[i].placement);
    batch->targets.push_back(placed(images_[first + i], all[i].placement));
  }
  batch->pixels.erase(end, batch->pixels.end());
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
