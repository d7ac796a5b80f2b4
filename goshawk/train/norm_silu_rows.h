// Batch norm and SiLU over a matrix, in as few passes over memory as they need.
//
// A map of channels-last layout is a matrix: a row a pixel, a column a channel. The chain of the two
// keeps two maps for the way back, these kernels one. They take about as long as LibTorch's own: the exponential and the
// division bind them, not memory.
#pragma once

#include <cstdint>

namespace goshawk::train {

/// How the numbers of a map are stored. Sums and all arithmetic are in float32 either way.
enum class RowType { kFloat32, kBFloat16 };

/// A matrix in memory that the caller owns; `stride` counts elements from row to row.
struct Rows {
  void* data = nullptr;
  std::int64_t count = 0, channels = 0, stride = 0;
  RowType type = RowType::kFloat32;
};

/// The share of a matrix that one thread works on: rows [begin, end).
struct RowRange {
  std::int64_t begin = 0, end = 0;
};

/// What batch norm makes of the sums, an entry a channel each: z = scale * x + offset = gain * (x - mean) * inverse + bias,
/// where inverse is 1 / the standard deviation.
struct NormFigures {
  const float *scale = nullptr, *offset = nullptr, *mean = nullptr, *inverse = nullptr;
};

/// Adds to `sum` and `squares` the sums over rows of (x - shift) and (x - shift)^2. A shift near the mean keeps the variance
/// exact where the mean is large.
void add_moments(const Rows& x, RowRange range, const float* shift, double* sum, double* squares);

/// y = silu(z). `y` has x's type and size.
void scale_silu(const Rows& x, const Rows& y, RowRange range, const NormFigures& norm);

/// g = dy * silu'(z); adds to `sum` the sums of g, and to `product` those of g * (x - mean) * inverse.
void add_gradients(const Rows& x, const Rows& dy, const Rows& g, RowRange range, const NormFigures& norm, double* sum,
                   double* product);

/// Turns g into the gradient of x, in place: scale * (g - a - (x - mean) * b), with `a` the mean over all rows of g, and `b`
/// that of g * (x - mean) * inverse, times inverse. Source: Ioffe and Szegedy, "Batch Normalization" (2015), section 3.
void input_gradient(const Rows& x, const Rows& g, RowRange range, const NormFigures& norm, const float* a, const float* b);

}  // namespace goshawk::train
