// Kalman filters of the constant-velocity model, one step a frame.
#pragma once

#include <array>
#include <cmath>

#include "goshawk/track/observation.h"

namespace goshawk::track {

/// One coordinate and its velocity: mean and symmetric 2x2 covariance.
/// The trackers' filters start with a diagonal covariance, and neither their motion nor their measurements mix
/// coordinates; so the covariance stays one such block a coordinate, and working on these gives the same numbers.
struct AxisState {
  double position = 0, velocity = 0;
  double pp = 0, pv = 0, vv = 0;

  /// One step of time; `q_position` and `q_velocity` are variances.
  void predict(double q_position, double q_velocity) {
    position += velocity;
    pp += 2 * pv + vv + q_position;
    pv += vv;
    vv += q_velocity;
  }

  /// Takes a measurement of the position with variance `r`.
  void update(double measured, double r) {
    const double s = pp + r;
    const double gain_position = pp / s, gain_velocity = pv / s;
    const double innovation = measured - position;
    position += gain_position * innovation;
    velocity += gain_velocity * innovation;
    vv -= gain_velocity * pv;
    pv -= gain_velocity * pp;
    pp -= gain_position * pp;
  }
};

/// ByteTrack's filter: centre, aspect ratio (width over height) and height, each with its velocity. Noise grows with height.
/// Source: Zhang et al. 2022, after Wojke et al. 2017 (DeepSORT).
class XyahFilter {
 public:
  static constexpr double kPositionNoise = 1.0 / 20, kVelocityNoise = 1.0 / 160;  // of the height

  explicit XyahFilter(const Corners& box) {
    const std::array<double, 4> z = measured(box);
    for (int k = 0; k < 4; ++k) {
      axes_[k].position = z[k];
      axes_[k].pp = square(k == 2 ? 1e-2 : 2 * kPositionNoise * z[3]);
      axes_[k].vv = square(k == 2 ? 1e-5 : 10 * kVelocityNoise * z[3]);
    }
  }
  /// What the published trackers do to a lost track before they predict it.
  void stop_growing() { axes_[3].velocity = 0; }
  void predict() {
    const double position = square(kPositionNoise * axes_[3].position),
                 velocity = square(kVelocityNoise * axes_[3].position);
    for (int k = 0; k < 4; ++k) axes_[k].predict(k == 2 ? square(1e-2) : position, k == 2 ? square(1e-5) : velocity);
  }
  void update(const Corners& box) {
    const std::array<double, 4> z = measured(box);
    const double noise = square(kPositionNoise * axes_[3].position);
    for (int k = 0; k < 4; ++k) axes_[k].update(z[k], k == 2 ? square(1e-1) : noise);
  }
  Corners box() const {
    const double h = axes_[3].position, w = axes_[2].position * h;
    const double x1 = axes_[0].position - w / 2, y1 = axes_[1].position - h / 2;
    return {x1, y1, x1 + w, y1 + h};
  }
  const AxisState& axis(int k) const { return axes_[k]; }

 private:
  static double square(double x) { return x * x; }
  static std::array<double, 4> measured(const Corners& box) {
    const double w = box.width(), h = box.height();
    return {box.x1 + w / 2, box.y1 + h / 2, w / h, h};
  }
  std::array<AxisState, 4> axes_;
};

/// Centre, area and aspect ratio, as SORT measures a box. `epsilon` keeps OC-SORT's aspect ratio finite.
inline std::array<double, 4> to_xysr(const Corners& box, double epsilon) {
  const double w = box.width(), h = box.height();
  return {box.x1 + w / 2, box.y1 + h / 2, w * h, w / (h + epsilon)};
}

/// SORT's and OC-SORT's filter: centre, area and aspect ratio; the ratio has no velocity. Constant noise.
/// Source: Bewley et al. 2016; Cao et al. 2023.
class XysrFilter {
 public:
  explicit XysrFilter(const std::array<double, 4>& z) {
    for (int k = 0; k < 4; ++k) {
      axes_[k].position = z[k];
      axes_[k].pp = 10;
      axes_[k].vv = k == 3 ? 0 : 1e4;
    }
  }
  /// An area that would become negative stops shrinking.
  void keep_area() {
    if (axes_[2].velocity + axes_[2].position <= 0) axes_[2].velocity = 0;
  }
  void predict() {
    for (int k = 0; k < 4; ++k) axes_[k].predict(1, kVelocityVariance[k]);
  }
  void update(const std::array<double, 4>& z) {
    for (int k = 0; k < 4; ++k) axes_[k].update(z[k], k < 2 ? 1 : 10);
  }
  /// Not a number when the area became negative.
  Corners box() const {
    const double w = std::sqrt(axes_[2].position * axes_[3].position), h = axes_[2].position / w;
    const double x = axes_[0].position, y = axes_[1].position;
    return {x - w / 2, y - h / 2, x + w / 2, y + h / 2};
  }
  const AxisState& axis(int k) const { return axes_[k]; }

 private:
  static constexpr std::array<double, 4> kVelocityVariance = {0.01, 0.01, 1e-4, 0};
  std::array<AxisState, 4> axes_;
};

}  // namespace goshawk::track
