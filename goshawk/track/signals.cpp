#include "goshawk/track/signals.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "goshawk/track/uniform_signal.h"

namespace goshawk::track {

namespace {

constexpr int kHighestOrder = 3;
constexpr double kPeriodWindow = 8;  // seconds around a point
constexpr double kPeriodStep = 0.5;  // seconds between two looks at the period
constexpr double kStillRange = 1;    // pixels: less than that is no motion

double seconds(Microseconds time) { return static_cast<double>(time.count()) / 1e6; }

std::vector<MotionSample> in_order(std::span<const MotionSample> samples) {
  std::vector<MotionSample> kept;
  for (const MotionSample& sample : samples) {
    if (!std::isfinite(sample.x) || !std::isfinite(sample.y)) continue;
    if (!kept.empty() && sample.time <= kept.back().time) continue;
    kept.push_back(sample);
  }
  return kept;
}

/// Weighted least squares of a polynomial in the time from the window's middle: its value there and its slope.
struct LocalFit {
  double x, y, vx, vy;
};

LocalFit fit_around(std::span<const MotionSample> neighbours, const MotionSample& middle, double half, int order) {
  order = std::min<int>(order, static_cast<int>(neighbours.size()) - 1);
  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, 0, kHighestOrder + 1, kHighestOrder + 1> normal;
  Eigen::Matrix<double, Eigen::Dynamic, 2, 0, kHighestOrder + 1, 2> right;
  normal.setZero(order + 1, order + 1);
  right.setZero(order + 1, 2);
  for (const MotionSample& sample : neighbours) {
    const double t = seconds(sample.time - middle.time) / half;  // -1..1
    const double away = std::abs(t) * 0.999;
    const double weight = std::pow(1 - away * away * away, 3);  // tricube: falls to 0 at the ends
    double row = weight;
    for (int i = 0; i <= order; ++i, row *= t) {
      double both = row;
      for (int j = 0; j <= order; ++j, both *= t) normal(i, j) += both;
      right(i, 0) += row * (sample.x - middle.x);
      right(i, 1) += row * (sample.y - middle.y);
    }
  }
  normal.diagonal().array() += 1e-12;
  const auto solution = normal.ldlt().solve(right).eval();
  const double slope_x = order > 0 ? solution(1, 0) / half : 0, slope_y = order > 0 ? solution(1, 1) / half : 0;
  return {middle.x + solution(0, 0), middle.y + solution(0, 1), slope_x, slope_y};
}

void smooth_segment(std::span<const MotionSample> segment, const SignalOptions& options, int number,
                    std::vector<SignalPoint>& points) {
  const double half = std::max(options.window / 2, 1e-6);
  std::size_t first = 0, last = 0;  // the window: [first, last)
  for (const MotionSample& middle : segment) {
    while (seconds(middle.time - segment[first].time) > half) ++first;
    while (last < segment.size() && seconds(segment[last].time - middle.time) <= half) ++last;
    const LocalFit fit =
        fit_around(segment.subspan(first, last - first), middle, half, std::clamp(options.order, 0, kHighestOrder));
    SignalPoint point{.time = middle.time, .x = fit.x, .y = fit.y, .vx = fit.vx, .vy = fit.vy};
    point.speed = std::hypot(fit.vx, fit.vy);
    point.segment = number;
    points.push_back(point);
  }
}

/// Unit vector along which the position is taken; up or right is the positive end.
cv::Point2d main_axis(std::span<const SignalPoint> points) {
  double mx = 0, my = 0, xx = 0, xy = 0, yy = 0;
  for (const SignalPoint& p : points) mx += p.x, my += p.y;
  mx /= static_cast<double>(points.size());
  my /= static_cast<double>(points.size());
  for (const SignalPoint& p : points) {
    xx += (p.x - mx) * (p.x - mx);
    xy += (p.x - mx) * (p.y - my);
    yy += (p.y - my) * (p.y - my);
  }
  const double angle = 0.5 * std::atan2(2 * xy, xx - yy);
  const cv::Point2d way(std::cos(angle), std::sin(angle));
  const bool upright = std::abs(way.y) > std::abs(way.x);
  return (upright ? way.y > 0 : way.x < 0) ? -way : way;
}

void set_positions(std::vector<SignalPoint>& points) {
  const cv::Point2d way = main_axis(points);
  const auto along = [&](const SignalPoint& p) { return p.x * way.x + p.y * way.y; };
  double low = along(points.front()), high = low;
  for (const SignalPoint& p : points) {
    low = std::min(low, along(p));
    high = std::max(high, along(p));
  }
  for (SignalPoint& p : points) p.position = high - low < kStillRange ? 50 : 100 * (along(p) - low) / (high - low);
}

void set_periods(std::span<SignalPoint> segment, const SignalOptions& options) {
  std::vector<double> times, values;
  for (const SignalPoint& p : segment) {
    times.push_back(seconds(p.time));
    values.push_back(p.position);
  }
  double next = times.front(), period = 0;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (times[i] >= next) {
      const auto from = std::ranges::lower_bound(times, times[i] - kPeriodWindow / 2) - times.begin();
      const auto to = std::ranges::upper_bound(times, times[i] + kPeriodWindow / 2) - times.begin();
      const auto count = static_cast<std::size_t>(to - from);
      const auto found = dominant_period(std::span(times).subspan(from, count), std::span(values).subspan(from, count),
                                         options.min_period, options.max_period);
      period = found ? found->seconds : 0;
      next = times[i] + kPeriodStep;
    }
    segment[i].period = period;
  }
}

}  // namespace

std::vector<SignalPoint> smooth_motion(std::span<const MotionSample> samples, const SignalOptions& options) {
  const std::vector<MotionSample> kept = in_order(samples);
  std::vector<SignalPoint> points;
  if (kept.empty()) return points;
  std::vector<std::size_t> begins = {0};
  for (std::size_t i = 1; i < kept.size(); ++i) {
    if (seconds(kept[i].time - kept[i - 1].time) > options.max_gap) begins.push_back(i);
  }
  begins.push_back(kept.size());
  for (std::size_t s = 0; s + 1 < begins.size(); ++s) {
    smooth_segment(std::span(kept).subspan(begins[s], begins[s + 1] - begins[s]), options, static_cast<int>(s), points);
  }
  set_positions(points);
  for (std::size_t s = 0; s + 1 < begins.size(); ++s) {
    set_periods(std::span(points).subspan(begins[s], begins[s + 1] - begins[s]), options);
  }
  return points;
}

std::optional<Period> dominant_period(std::span<const double> times, std::span<const double> values, double min_period,
                                      double max_period) {
  const UniformSignal signal = resample(times, values);
  return signal.values.empty() ? std::nullopt : period_by_autocorrelation(signal, min_period, max_period);
}

std::vector<ScriptAction> script_actions(std::span<const SignalPoint> points, double least_turn) {
  std::vector<ScriptAction> actions;
  const auto add = [&](const SignalPoint& point) {
    const ScriptAction action{static_cast<int>(std::lround(static_cast<double>(point.time.count()) / 1e3)),
                              static_cast<int>(std::lround(std::clamp(point.position, 0.0, 100.0)))};
    if (actions.empty() || action.at > actions.back().at) actions.push_back(action);
  };
  for (std::size_t begin = 0; begin < points.size();) {
    std::size_t end = begin;
    while (end < points.size() && points[end].segment == points[begin].segment) ++end;
    const std::span<const SignalPoint> segment = points.subspan(begin, end - begin);
    add(segment.front());
    for (const std::size_t turn : turning_points(segment, least_turn)) add(segment[turn]);
    add(segment.back());
    begin = end;
  }
  return actions;
}

}  // namespace goshawk::track
