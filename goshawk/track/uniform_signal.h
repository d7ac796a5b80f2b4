// Signals at even steps of time, and their turning points.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "goshawk/track/signals.h"

namespace goshawk::track {

struct UniformSignal {
  double step = 0;             // seconds
  std::vector<double> values;  // without their linear trend
};

/// Linear interpolation at even steps: the median step of `times`, but at least 1/120 s. Empty when there are fewer than 8
/// samples or too many steps.
UniformSignal resample(std::span<const double> times, std::span<const double> values);

/// The first peak of the normalised autocorrelation that comes near its highest one.
std::optional<Period> period_by_autocorrelation(const UniformSignal& signal, double min_period, double max_period);

/// Indices of the highs and lows between which the position turns by at least `least_turn`; without the ends.
std::vector<std::size_t> turning_points(std::span<const SignalPoint> points, double least_turn);

}  // namespace goshawk::track
