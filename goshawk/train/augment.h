// Changes to pictures and their objects that make a small data set large.
#pragma once

#include <array>
#include <opencv2/core/mat.hpp>

#include "goshawk/core/random.h"
#include "goshawk/train/targets.h"

namespace goshawk::train {

/// A picture (8-bit BGR) with its objects in its own pixels.
struct Sample {
  cv::Mat image;
  ImageTargets targets;
};

/// How much is changed. Names, meanings and defaults are those that users of Ultralytics 8.4 know.
struct AugmentOptions {
  double mosaic = 1;                               // chance of a picture made of four
  double mixup = 0;                                // chance of a picture laid over another
  double degrees = 0;                              // rotation, at most to either side
  double translate = 0.1;                          // shift, at most, as a fraction of the side
  double scale = 0.5;                              // zoom between 1 - scale and 1 + scale
  double shear = 0;                                // degrees, at most to either side
  double flipud = 0;                               // chance
  double fliplr = 0.5;                             // chance
  double hsv_h = 0.015, hsv_s = 0.7, hsv_v = 0.4;  // fractions
  bool operator==(const AugmentOptions&) const = default;
};

/// Value of what no picture covers.
inline constexpr int kPadding = 114;

/// The picture scaled (never distorted) to fit into a square of `side` pixels, centred. For validation and references.
Sample letterbox(const Sample& sample, int side);

/// One picture of `side` x `side`, changed at random: scaled to fit, then moved, zoomed, turned, sheared, mirrored,
/// recoloured. Objects that are left with less than a tenth of their area, under 2 pixels, or thinner than 1:100 are
/// dropped.
Sample augment(const Sample& sample, int side, const AugmentOptions& options, Random& random);

/// The same of four pictures around a random centre, each of which is shown as large as it is (sides at most `side`). Every
/// pixel is drawn once: there is no canvas in between.
Sample mosaic(const std::array<const Sample*, 4>& samples, int side, const AugmentOptions& options, Random& random);

/// `a` and `b` (equal sizes) shine through one another, by a share near one half (Zhang et al., "mixup", ICLR 2018: Beta(32,
/// 32)).
Sample mix(const Sample& a, const Sample& b, Random& random);

/// Uniform in [low, high).
double uniform(Random& random, double low, double high);

}  // namespace goshawk::train
