// How sure the figures are: what they would be on other images like these.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <vector>

#include "goshawk/evaluate/boxes.h"

namespace goshawk::evaluate {

/// A figure and where it lies in 95 of 100 draws.
struct Interval {
  double value = 0;          // on the images as they are
  double low = 0, high = 0;  // 2.5th and 97.5th percentile
};

struct BootstrapOptions {
  int draws = 1000;  // at least 2
  std::uint64_t seed = 0;
  std::size_t threads = 0;                                              // 0: as many as cores
  std::function<void(std::int64_t done, std::int64_t total)> progress;  // called in the caller's thread; may be empty
  std::stop_token stop;                                                 // then Error{kInterrupted}
};

/// Picks a figure out of a summary.
using Figure = std::function<double(const CocoSummary&)>;

/// Images are drawn with replacement as often as there are images (Efron, 1979; percentile intervals). Draws in which a
/// figure cannot be measured (-1) are left out of its interval. SHAPE: an interval a figure.
std::vector<Interval> bootstrap(const CocoResult& result, std::size_t images, const std::vector<Figure>& figures,
                                const BootstrapOptions& options = {});

/// One figure of two models on the same images.
struct Difference {
  Interval change;          // of the second against the first
  double share_better = 0;  // of the draws in which the second is better: 0.5 where nothing can be said
};

/// The same with the same draws for both, so that what the images have in common cancels out.
std::vector<Difference> bootstrap_difference(const CocoResult& first, const CocoResult& second, std::size_t images,
                                             const std::vector<Figure>& figures, const BootstrapOptions& options = {});

}  // namespace goshawk::evaluate
