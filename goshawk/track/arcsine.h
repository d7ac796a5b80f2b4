// An arc sine that the compiler can work out for several numbers at once.
#pragma once

#include <array>
#include <cmath>
#include <numbers>

namespace goshawk::track {

/// asin(x) for x in [-1, 1], within 1e-15; no branches and no calls, so that loops over it are vectorised (OC-SORT wants one
/// for each pair of track and detection). asin(sqrt z) / sqrt z is taken from its Chebyshev fit over z in [0, 1/4]; larger
/// arguments come down there by asin x = pi/2 - 2 asin(sqrt((1 - x) / 2)).
inline double arcsine(double x) {
  constexpr std::array<double, 12> kFit = {0.9999999999999998,   0.16666666666689706,   0.07499999995624415,
                                           0.04464286038603156,  0.030381820752221768,  0.022374928823605693,
                                           0.017313700945909897, 0.01432423514994457,   0.009376473481056654,
                                           0.01825637024213353,  -0.011693559679531318, 0.03150477675162431};
  const double size = std::abs(x);
  const bool small = size <= 0.5;
  const double z = small ? size * size : (1 - size) / 2;
  const double root = small ? size : std::sqrt(z);
  double fit = kFit[11];
  for (int k = 10; k >= 0; --k) fit = fit * z + kFit[k];
  const double angle = small ? root * fit : std::numbers::pi / 2 - 2 * root * fit;
  return std::copysign(angle, x);
}

}  // namespace goshawk::track
