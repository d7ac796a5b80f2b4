#include "goshawk/train/norm_silu_rows.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace goshawk::train {
namespace {

// The loops are written so that the compiler makes vector code of them: the body stands once, is inlined into a function for
// each instruction set, and the processor decides at run time.
#define GOSHAWK_INLINE [[gnu::always_inline]] inline

constexpr std::int64_t kTile = 256;        // channels at a time: what is kept of a tile stays in registers and L1
constexpr std::int64_t kRowsInFloat = 64;  // rows summed in float32 before they go into a double

using BFloat16 = std::uint16_t;

GOSHAWK_INLINE float load(float value) { return value; }
GOSHAWK_INLINE float load(BFloat16 value) { return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16U); }
GOSHAWK_INLINE void store(float& to, float value) { to = value; }
/// To the nearest, ties to even. A NaN stays one (its quiet bit is in the upper half).
GOSHAWK_INLINE void store(BFloat16& to, float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  to = static_cast<BFloat16>((bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U);
}

/// 1 / (1 + e^-z) within 2e-7. e^t = 2^n * 2^f: n goes into the exponent's bits, 2^f is a polynomial (Taylor's, |f| <= 1/2).
GOSHAWK_INLINE float sigmoid(float z) {
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it leaves the integer in the lowest bits
  const float t = std::min(std::max(-z * 1.44269504F, -126.0F), 126.0F);
  const float shifted = t + kRound;
  const float f = t - (shifted - kRound);
  const float p =
      1.0F +
      f * (0.693147181F +
           f * (0.240226507F + f * (0.0555041087F + f * (0.00961812911F + f * (0.00133335581F + f * 0.000154035304F)))));
  const auto exponent = (std::bit_cast<std::uint32_t>(shifted) << 23U) + (127U << 23U);
  return 1.0F / (1.0F + p * std::bit_cast<float>(exponent));
}

/// dy * silu'(z).
GOSHAWK_INLINE float silu_gradient(float z, float dy) {
  const float s = sigmoid(z);
  return dy * s * (1.0F + z * (1.0F - s));
}

template <typename T>
GOSHAWK_INLINE T* row(const Rows& rows, std::int64_t index, std::int64_t channel) {
  return static_cast<T*>(rows.data) + index * rows.stride + channel;
}

/// Calls `add_row(row, first channel, width, a, b)` for all rows, where a and b are float sums of the tile, and moves them
/// into the doubles often enough for them to stay exact.
template <typename AddRow>
GOSHAWK_INLINE void sum_tiles(std::int64_t channels, RowRange range, double* first, double* second, AddRow add_row) {
  for (std::int64_t c = 0; c < channels; c += kTile) {
    const std::int64_t width = std::min(kTile, channels - c);
    for (std::int64_t r = range.begin; r < range.end; r += kRowsInFloat) {
      float a[kTile], b[kTile];
      std::fill_n(a, width, 0.0F), std::fill_n(b, width, 0.0F);
      for (std::int64_t i = r; i < std::min(range.end, r + kRowsInFloat); ++i) add_row(i, c, width, a, b);
      for (std::int64_t k = 0; k < width; ++k) first[c + k] += static_cast<double>(a[k]);
      for (std::int64_t k = 0; k < width; ++k) second[c + k] += static_cast<double>(b[k]);
    }
  }
}

template <typename T>
GOSHAWK_INLINE void moments(const Rows& x, RowRange range, const float* shift, double* sum, double* squares) {
  sum_tiles(x.channels, range, sum, squares,
            [&](std::int64_t i, std::int64_t c, std::int64_t width, float* __restrict a, float* __restrict b) {
              const T* __restrict in = row<const T>(x, i, c);
              for (std::int64_t k = 0; k < width; ++k) {
                const float v = load(in[k]) - shift[c + k];
                a[k] += v;
                b[k] += v * v;
              }
            });
}

template <typename T>
GOSHAWK_INLINE void forward(const Rows& x, const Rows& y, RowRange range, const NormFigures& norm) {
  const float* __restrict scale = norm.scale, * __restrict offset = norm.offset;
  for (std::int64_t i = range.begin; i < range.end; ++i) {
    const T* __restrict in = row<const T>(x, i, 0);
    T* __restrict out = row<T>(y, i, 0);
    for (std::int64_t k = 0; k < x.channels; ++k) {
      const float z = load(in[k]) * scale[k] + offset[k];
      store(out[k], z * sigmoid(z));
    }
  }
}

template <typename T>
GOSHAWK_INLINE void gradients(const Rows& x, const Rows& dy, const Rows& g, RowRange range, const NormFigures& norm,
                              double* sum, double* product) {
  sum_tiles(x.channels, range, sum, product,
            [&](std::int64_t i, std::int64_t c, std::int64_t width, float* __restrict a, float* __restrict b) {
              const T* __restrict in = row<const T>(x, i, c);
              const T* __restrict back = row<const T>(dy, i, c);
              T* __restrict out = row<T>(g, i, c);
              for (std::int64_t k = 0; k < width; ++k) {
                const float v = load(in[k]);
                const float through = silu_gradient(v * norm.scale[c + k] + norm.offset[c + k], load(back[k]));
                a[k] += through;
                b[k] += through * (v - norm.mean[c + k]) * norm.inverse[c + k];
                store(out[k], through);
              }
            });
}

template <typename T>
GOSHAWK_INLINE void backward(const Rows& x, const Rows& g, RowRange range, const NormFigures& norm,
                             const float* __restrict a, const float* __restrict b) {
  const float* __restrict scale = norm.scale, * __restrict mean = norm.mean;
  for (std::int64_t i = range.begin; i < range.end; ++i) {
    const T* __restrict in = row<const T>(x, i, 0);
    T* __restrict out = row<T>(g, i, 0);
    for (std::int64_t k = 0; k < x.channels; ++k)
      store(out[k], scale[k] * (load(out[k]) - a[k] - (load(in[k]) - mean[k]) * b[k]));
  }
}

// ---- one instance for each instruction set and type

struct Kernels {
  decltype(&add_moments) moments;
  decltype(&scale_silu) forward;
  decltype(&add_gradients) gradients;
  decltype(&input_gradient) backward;
};

#define GOSHAWK_FOR_TYPE(function, ...) \
  (x.type == RowType::kBFloat16 ? function<BFloat16>(__VA_ARGS__) : function<float>(__VA_ARGS__))

#define GOSHAWK_KERNELS(suffix, attribute)                                                                                 \
  attribute void moments_##suffix(const Rows& x, RowRange range, const float* shift, double* sum, double* squares) {       \
    GOSHAWK_FOR_TYPE(moments, x, range, shift, sum, squares);                                                              \
  }                                                                                                                        \
  attribute void forward_##suffix(const Rows& x, const Rows& y, RowRange range, const NormFigures& norm) {                 \
    GOSHAWK_FOR_TYPE(forward, x, y, range, norm);                                                                          \
  }                                                                                                                        \
  attribute void gradients_##suffix(const Rows& x, const Rows& dy, const Rows& g, RowRange range, const NormFigures& norm, \
                                    double* sum, double* product) {                                                        \
    GOSHAWK_FOR_TYPE(gradients, x, dy, g, range, norm, sum, product);                                                      \
  }                                                                                                                        \
  attribute void backward_##suffix(const Rows& x, const Rows& g, RowRange range, const NormFigures& norm, const float* a,  \
                                   const float* b) {                                                                       \
    GOSHAWK_FOR_TYPE(backward, x, g, range, norm, a, b);                                                                   \
  }                                                                                                                        \
  constexpr Kernels kernels_##suffix{moments_##suffix, forward_##suffix, gradients_##suffix, backward_##suffix};

GOSHAWK_KERNELS(plain, )
#if defined(__x86_64__)
GOSHAWK_KERNELS(avx2, [[gnu::target("avx2,fma")]])
#if defined(__clang__)  // which knows no width there
GOSHAWK_KERNELS(avx512, [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq")]])
#else
GOSHAWK_KERNELS(avx512, [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,prefer-vector-width=512")]])
#endif
#endif

const Kernels& kernels() {
#if defined(__x86_64__)
  static const Kernels& best = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") ? kernels_avx512
                               : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")        ? kernels_avx2
                                                                                                        : kernels_plain;
  return best;
#else
  return kernels_plain;
#endif
}

constexpr std::int64_t kFoldedWidth = 128;
using FoldedRow = std::array<float, kFoldedWidth>;

/// Rows that follow each other without gaps are fewer, wider rows: of 16 channels, eight make one of 128, which fills the
/// registers. Rows that are left over come by themselves.
class Folded {
 public:
  Folded(const Rows& x, RowRange range, bool gapless) : range_(range) {
    if (gapless) factor_ = std::max<std::int64_t>(1, kFoldedWidth / x.channels);
    wide_ = (range.end - range.begin) / factor_;
    if (wide_ == 0 || factor_ == 1) factor_ = 1, wide_ = 0;
  }
  bool folds() const { return wide_ > 0; }
  RowRange whole() const { return {0, wide_}; }
  RowRange rest() const { return {range_.begin + wide_ * factor_, range_.end}; }

  Rows wide(const Rows& rows) const {
    const std::int64_t bytes = rows.type == RowType::kFloat32 ? 4 : 2;
    return {static_cast<char*>(rows.data) + range_.begin * rows.stride * bytes, wide_, rows.channels * factor_,
            rows.channels * factor_, rows.type};
  }
  /// An entry for each channel, once for each of the rows that lie in one.
  FoldedRow repeated(const float* values, std::int64_t channels) const {
    FoldedRow all{};
    for (std::int64_t i = 0; i < factor_; ++i) std::copy_n(values, channels, all.begin() + i * channels);
    return all;
  }
  /// Calls `work` with places for two sums a column, and adds them to those of the channels.
  template <typename Work>
  void sum(std::int64_t channels, double* first, double* second, Work work) const {
    std::array<double, kFoldedWidth> a{}, b{};
    work(a.data(), b.data());
    for (std::int64_t k = 0; k < factor_ * channels; ++k) {
      first[k % channels] += a[static_cast<std::size_t>(k)];
      second[k % channels] += b[static_cast<std::size_t>(k)];
    }
  }

 private:
  RowRange range_;
  std::int64_t factor_ = 1, wide_ = 0;
};

bool gapless(const Rows& rows) { return rows.stride == rows.channels; }

/// The figures for folded rows; `figures` points into it.
class FoldedFigures {
 public:
  FoldedFigures(const Folded& folded, const NormFigures& norm, std::int64_t channels)
      : scale_(folded.repeated(norm.scale, channels)),
        offset_(folded.repeated(norm.offset, channels)),
        mean_(folded.repeated(norm.mean, channels)),
        inverse_(folded.repeated(norm.inverse, channels)) {}
  NormFigures figures() const { return {scale_.data(), offset_.data(), mean_.data(), inverse_.data()}; }

 private:
  FoldedRow scale_, offset_, mean_, inverse_;
};

}  // namespace

void add_moments(const Rows& x, RowRange range, const float* shift, double* sum, double* squares) {
  const Folded folded(x, range, gapless(x));
  if (folded.folds()) {
    const auto shifts = folded.repeated(shift, x.channels);
    folded.sum(x.channels, sum, squares,
               [&](double* a, double* b) { kernels().moments(folded.wide(x), folded.whole(), shifts.data(), a, b); });
  }
  kernels().moments(x, folded.rest(), shift, sum, squares);
}

void scale_silu(const Rows& x, const Rows& y, RowRange range, const NormFigures& norm) {
  const Folded folded(x, range, gapless(x) && gapless(y));
  if (folded.folds()) {
    const FoldedFigures wide(folded, norm, x.channels);
    kernels().forward(folded.wide(x), folded.wide(y), folded.whole(), wide.figures());
  }
  kernels().forward(x, y, folded.rest(), norm);
}

void add_gradients(const Rows& x, const Rows& dy, const Rows& g, RowRange range, const NormFigures& norm, double* sum,
                   double* product) {
  const Folded folded(x, range, gapless(x) && gapless(dy) && gapless(g));
  if (folded.folds()) {
    const FoldedFigures wide(folded, norm, x.channels);
    folded.sum(x.channels, sum, product, [&](double* a, double* b) {
      kernels().gradients(folded.wide(x), folded.wide(dy), folded.wide(g), folded.whole(), wide.figures(), a, b);
    });
  }
  kernels().gradients(x, dy, g, folded.rest(), norm, sum, product);
}

void input_gradient(const Rows& x, const Rows& g, RowRange range, const NormFigures& norm, const float* a, const float* b) {
  const Folded folded(x, range, gapless(x) && gapless(g));
  if (folded.folds()) {
    const FoldedFigures wide(folded, norm, x.channels);
    const auto means = folded.repeated(a, x.channels), slopes = folded.repeated(b, x.channels);
    kernels().backward(folded.wide(x), folded.wide(g), folded.whole(), wide.figures(), means.data(), slopes.data());
  }
  kernels().backward(x, g, folded.rest(), norm, a, b);
}

}  // namespace goshawk::train
