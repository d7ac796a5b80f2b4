// Kalman filters of the constant-velocity model.
#pragma once

namespace goshawk::track {

/// One coordinate and its velocity: mean and symmetric 2x2 covariance.
/// The trackers' filters start with a diagonal covariance, and neither their motion nor their measurements mix
/// coordinates; so the 8x8 covariance stays four such blocks, and working on these gives the same numbers.
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

}  // namespace goshawk::track
