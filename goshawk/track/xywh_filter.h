// BoT-SORT's Kalman filter.
#pragma once

#include <Eigen/Core>
#include <Eigen/LU>
#include <array>

#include "goshawk/track/observation.h"

namespace goshawk::track {

/// Two coordinates that the camera's motion may turn into each other, and their velocities. The 4x4 covariance is kept as
/// its 2x2 blocks: positions, positions with velocities, velocities.
struct PlaneState {
  Eigen::Vector2d position, velocity{0, 0};
  Eigen::Matrix2d pp, pv = Eigen::Matrix2d::Zero(), vv;

  void predict(const Eigen::Vector2d& q_position, const Eigen::Vector2d& q_velocity) {
    position += velocity;
    pp += pv + pv.transpose() + vv;
    pp.diagonal() += q_position;
    pv += vv;
    vv.diagonal() += q_velocity;
  }
  void update(const Eigen::Vector2d& measured, const Eigen::Vector2d& r) {
    Eigen::Matrix2d s = pp;
    s.diagonal() += r;
    const Eigen::Matrix2d inverse = s.inverse();
    const Eigen::Matrix2d gain_position = pp * inverse, gain_velocity = pv.transpose() * inverse;
    const Eigen::Vector2d innovation = measured - position;
    position += gain_position * innovation;
    velocity += gain_velocity * innovation;
    vv -= (gain_velocity * pv).eval();
    pv -= (gain_position * pv).eval();
    pp -= (gain_position * pp).eval();
  }
  void turn(const Eigen::Matrix2d& linear) {
    position = (linear * position).eval();
    velocity = (linear * velocity).eval();
    pp = (linear * pp * linear.transpose()).eval();
    pv = (linear * pv * linear.transpose()).eval();
    vv = (linear * vv * linear.transpose()).eval();
  }
};

/// Centre, width and height, each with its velocity. Noise grows with the box.
/// Without camera motion all eight states stay independent in pairs; the camera mixes x with y, and width with height.
/// Source: Aharon et al. 2022.
class XywhFilter {
 public:
  static constexpr double kPositionNoise = 1.0 / 20, kVelocityNoise = 1.0 / 160;  // of width and height

  explicit XywhFilter(const Corners& box) {
    size_.position = size_of(box);
    center_.position = {box.x1 + size_.position[0] / 2, box.y1 + size_.position[1] / 2};
    for (PlaneState* plane : {&center_, &size_}) {
      plane->pp = (2 * kPositionNoise * size_.position).array().square().matrix().asDiagonal();
      plane->vv = (10 * kVelocityNoise * size_.position).array().square().matrix().asDiagonal();
    }
  }
  void stop_growing() { size_.velocity.setZero(); }
  void predict() {
    const Eigen::Vector2d q_position = variance(kPositionNoise), q_velocity = variance(kVelocityNoise);
    center_.predict(q_position, q_velocity);
    size_.predict(q_position, q_velocity);
  }
  void update(const Corners& box) {
    const Eigen::Vector2d size = size_of(box), r = variance(kPositionNoise);
    center_.update({box.x1 + size[0] / 2, box.y1 + size[1] / 2}, r);
    size_.update(size, r);
  }
  void move_with(const CameraMotion& camera) {
    Eigen::Matrix2d linear;
    linear << camera.xx, camera.xy, camera.yx, camera.yy;
    center_.turn(linear);
    size_.turn(linear);
    center_.position += Eigen::Vector2d(camera.tx, camera.ty);
  }
  Corners box() const {
    const double x1 = center_.position[0] - size_.position[0] / 2, y1 = center_.position[1] - size_.position[1] / 2;
    return {x1, y1, x1 + size_.position[0], y1 + size_.position[1]};
  }
  const PlaneState& center() const { return center_; }
  const PlaneState& size() const { return size_; }

 private:
  static Eigen::Vector2d size_of(const Corners& box) { return {box.width(), box.height()}; }
  Eigen::Vector2d variance(double noise) const { return (noise * size_.position).array().square().matrix(); }

  PlaneState center_, size_;
};

}  // namespace goshawk::track
