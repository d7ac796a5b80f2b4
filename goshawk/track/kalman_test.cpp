// The block-wise filters against the textbook's dense matrices.
#include "goshawk/track/kalman.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <random>

#include "goshawk/track/arcsine.h"
#include "goshawk/track/xywh_filter.h"

namespace goshawk::track {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

struct DenseFilter {
  Vector x;
  Matrix p;

  void predict(const Matrix& f, const Vector& q) {
    x = (f * x).eval();
    p = (f * p * f.transpose()).eval();
    p.diagonal() += q;
  }
  void update(const Vector& z, const Vector& r) {
    const Matrix h = Matrix::Identity(z.size(), x.size());
    Matrix s = h * p * h.transpose();
    s.diagonal() += r;
    const Matrix gain = p * h.transpose() * s.inverse();
    x += gain * (z - h * x);
    p = ((Matrix::Identity(x.size(), x.size()) - gain * h) * p).eval();
  }
};

Matrix motion(int states, int measured) {
  Matrix f = Matrix::Identity(states, states);
  for (int i = 0; i + measured < states; ++i) f(i, i + measured) = 1;
  return f;
}

/// A box that wanders, now and then out of sight.
struct Path {
  std::mt19937 random{42};
  Corners box{100, 80, 160, 220};

  Corners next() {
    std::uniform_real_distribution<double> shift(-4, 4);
    box.x1 += 3 + shift(random);
    box.x2 += 3 + shift(random);
    box.y1 += 1 + shift(random);
    box.y2 += 1 + shift(random);
    return box;
  }
  bool visible() { return random() % 4 != 0; }
};

void expect_axis(const AxisState& axis, const DenseFilter& dense, int k, int velocity) {
  const double scale = 1 + std::abs(dense.x[k]);
  EXPECT_NEAR(axis.position, dense.x[k], 1e-9 * scale);
  EXPECT_NEAR(axis.pp, dense.p(k, k), 1e-9 * (1 + dense.p(k, k)));
  if (velocity < 0) return;
  EXPECT_NEAR(axis.velocity, dense.x[velocity], 1e-9 * scale);
  EXPECT_NEAR(axis.pv, dense.p(k, velocity), 1e-9 * (1 + dense.p(k, k)));
  EXPECT_NEAR(axis.vv, dense.p(velocity, velocity), 1e-9 * (1 + dense.p(velocity, velocity)));
}

TEST(XyahFilter, EqualsTheDenseFilter) {
  Path path;
  const auto measure = [](const Corners& b) {
    return Vector{{(b.x1 + b.x2) / 2, (b.y1 + b.y2) / 2, b.width() / b.height(), b.height()}};
  };
  const auto noise = [](double h, double position, double ratio) {
    return Vector{{position * h, position * h, ratio, position * h}}.array().square().matrix().eval();
  };
  XyahFilter filter(path.box);
  DenseFilter dense{Vector::Zero(8), Matrix::Zero(8, 8)};
  dense.x.head(4) = measure(path.box);
  dense.p.diagonal() << noise(140, 0.1, 1e-2), noise(140, 1.0 / 16, 1e-5);
  for (int step = 0; step < 300; ++step) {
    const double h = dense.x[3];
    Vector q(8);
    q << noise(h, 1.0 / 20, 1e-2), noise(h, 1.0 / 160, 1e-5);
    filter.predict();
    dense.predict(motion(8, 4), q);
    const Corners box = path.next();
    if (path.visible()) {
      filter.update(box);
      dense.update(measure(box), noise(dense.x[3], 1.0 / 20, 1e-1));
    }
    for (int k = 0; k < 4; ++k) expect_axis(filter.axis(k), dense, k, k + 4);
    if (HasFailure()) FAIL() << "at step " << step;
  }
}

TEST(XysrFilter, EqualsTheDenseFilter) {
  Path path;
  const auto measure = [](const Corners& b) {
    return Vector{{(b.x1 + b.x2) / 2, (b.y1 + b.y2) / 2, b.width() * b.height(), b.width() / b.height()}};
  };
  XysrFilter filter(to_xysr(path.box, 0));
  DenseFilter dense{Vector::Zero(7), Matrix::Zero(7, 7)};
  dense.x.head(4) = measure(path.box);
  dense.p.diagonal() << 10, 10, 10, 10, 1e4, 1e4, 1e4;
  const Vector q{{1, 1, 1, 1, 0.01, 0.01, 1e-4}}, r{{1, 1, 10, 10}};
  for (int step = 0; step < 300; ++step) {
    filter.predict();
    dense.predict(motion(7, 4), q);
    const Corners box = path.next();
    if (path.visible()) {
      filter.update(to_xysr(box, 0));
      dense.update(measure(box), r);
    }
    for (int k = 0; k < 4; ++k) expect_axis(filter.axis(k), dense, k, k < 3 ? k + 4 : -1);
    if (HasFailure()) FAIL() << "at step " << step;
  }
}

TEST(XywhFilter, EqualsTheDenseFilterWithACameraThatMoves) {
  Path path;
  const auto measure = [](const Corners& b) {
    return Vector{{(b.x1 + b.x2) / 2, (b.y1 + b.y2) / 2, b.width(), b.height()}};
  };
  const auto noise = [](const Vector& x, double part) {
    return Vector{{part * x[2], part * x[3], part * x[2], part * x[3]}}.array().square().matrix().eval();
  };
  XywhFilter filter(path.box);
  DenseFilter dense{Vector::Zero(8), Matrix::Zero(8, 8)};
  dense.x.head(4) = measure(path.box);
  dense.p.diagonal() << noise(dense.x, 0.1), noise(dense.x, 1.0 / 16);
  const CameraMotion camera{0.999, -0.01, 0.01, 0.999, 3, -2};
  for (int step = 0; step < 300; ++step) {
    Vector q(8);
    q << noise(dense.x, 1.0 / 20), noise(dense.x, 1.0 / 160);
    filter.predict();
    dense.predict(motion(8, 4), q);
    filter.move_with(camera);
    Matrix turn = Matrix::Zero(8, 8);
    for (int k = 0; k < 8; k += 2) turn.block(k, k, 2, 2) << camera.xx, camera.xy, camera.yx, camera.yy;
    dense.x = (turn * dense.x).eval();
    dense.x.head(2) += Vector{{camera.tx, camera.ty}};
    dense.p = (turn * dense.p * turn.transpose()).eval();
    const Corners box = path.next();
    if (path.visible()) {
      filter.update(box);
      dense.update(measure(box), noise(dense.x, 1.0 / 20));
    }
    for (int k = 0; k < 4; ++k) {
      const PlaneState& plane = k < 2 ? filter.center() : filter.size();
      EXPECT_NEAR(plane.position[k % 2], dense.x[k], 1e-8 * (1 + std::abs(dense.x[k])));
      EXPECT_NEAR(plane.velocity[k % 2], dense.x[k + 4], 1e-8 * (1 + std::abs(dense.x[k])));
      EXPECT_NEAR(plane.pp(k % 2, k % 2), dense.p(k, k), 1e-8 * dense.p(k, k));
      EXPECT_NEAR(plane.vv(k % 2, k % 2), dense.p(k + 4, k + 4), 1e-8 * dense.p(k, k));
      EXPECT_NEAR(plane.pv(k % 2, 0), dense.p(k, 4 + k / 2 * 2), 1e-8 * dense.p(k, k));
    }
    if (HasFailure()) FAIL() << "at step " << step;
  }
}

TEST(Arcsine, EqualsTheLibrarys) {
  for (int i = -100'000; i <= 100'000; ++i) {
    const double x = i / 1e5;
    ASSERT_NEAR(arcsine(x), std::asin(x), 1e-15) << x;
  }
}

TEST(XysrFilter, GivesTheBoxBackThatItWasMadeOf) {
  const Corners box = XysrFilter(to_xysr({10, 20, 40, 90}, 0)).box();
  EXPECT_NEAR(box.x1, 10, 1e-9);
  EXPECT_NEAR(box.y2, 90, 1e-9);
}

}  // namespace
}  // namespace goshawk::track
