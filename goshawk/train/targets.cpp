#include "goshawk/train/targets.h"

namespace goshawk::train {

ImageTargets scaled(ImageTargets targets, float x, float y) {
  const auto scale = [&](Box& b) { b = {b.x1 * x, b.y1 * y, b.x2 * x, b.y2 * y}; };
  for (auto& object : targets.objects) scale(object.box);
  for (auto& region : targets.ignored) scale(region);
  return targets;
}

}  // namespace goshawk::train
