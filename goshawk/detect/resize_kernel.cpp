#include "goshawk/detect/resize_kernel.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <vector>

#include "goshawk/core/error.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define GOSHAWK_X86 1
#include <immintrin.h>
#endif

namespace goshawk::detect {
namespace {

constexpr int kCoefficientOne = 2048;  // OpenCV's INTER_RESIZE_COEF_SCALE
constexpr int kRowChannels = 4;        // a resized row holds B G R 0 for each pixel, so that a pixel is one aligned load

/// Where each output position of one axis takes its two samples, and with which weights.
struct Axis {
  std::vector<int> first;             // index of the first sample; may be -1 or the last one
  std::vector<std::int16_t> weight0;  // of `first`, in 1/2048
  std::vector<std::int16_t> weight1;  // of `first + 1`
};

/// Sample positions as cv::resize computes them: in double, rounded to float, weights rounded half to even.
/// `clamp`: along x OpenCV moves samples outside the image to its edge; along y it keeps the weights and repeats the row.
Axis make_axis(int from, int to, bool clamp) {
  Axis axis;
  const auto count = static_cast<std::size_t>(to);
  axis.first.resize(count);
  axis.weight0.resize(count);
  axis.weight1.resize(count);
  const double scale = 1.0 / (static_cast<double>(to) / from);
  for (std::size_t i = 0; i < count; ++i) {
    auto position = static_cast<float>((static_cast<double>(i) + 0.5) * scale - 0.5);
    int first = static_cast<int>(std::floor(position));
    position -= static_cast<float>(first);
    if (clamp && first < 0) {
      first = 0;
      position = 0;
    }
    if (clamp && first >= from - 1) {
      first = from - 1;
      position = 0;
    }
    axis.first[i] = first;
    axis.weight0[i] = static_cast<std::int16_t>(std::lrint((1.0F - position) * kCoefficientOne));
    axis.weight1[i] = static_cast<std::int16_t>(std::lrint(position * kCoefficientOne));
  }
  return axis;
}

/// The x axis prepared for a kernel that handles whole pixels.
struct Columns {
  std::vector<int> offset;            // bytes from the row's start to the first sample
  std::vector<std::int16_t> weights;  // 8 a pixel: w0 w1 w0 w1 w0 w1 0 0
  int width = 0;                      // output pixels
  int wide_loads = 0;                 // output pixels from the left whose 8 bytes from `offset` lie within the row
};

Columns make_columns(int from, int to) {
  const Axis axis = make_axis(from, to, true);
  Columns columns;
  columns.width = to;
  columns.offset.resize(static_cast<std::size_t>(to));
  columns.weights.assign(static_cast<std::size_t>(to) * 8, 0);
  columns.wide_loads = to;
  for (int x = to - 1; x >= 0; --x) {
    const auto i = static_cast<std::size_t>(x);
    columns.offset[i] = axis.first[i] * 3;
    if (columns.offset[i] + 8 > from * 3) columns.wide_loads = x;
    for (std::size_t channel = 0; channel < 3; ++channel) {
      columns.weights[i * 8 + channel * 2] = axis.weight0[i];
      columns.weights[i * 8 + channel * 2 + 1] = axis.weight1[i];
    }
  }
  return columns;
}

// ---- Kernels. `row` values are (sum of weighted samples) >> 4, at most 32640, as OpenCV's vertical pass takes them.

void resize_row_portable(const std::uint8_t* source, const Columns& columns, int begin, std::int16_t* row) {
  for (int x = begin; x < columns.width; ++x) {
    const auto i = static_cast<std::size_t>(x);
    const std::uint8_t* pixel = source + columns.offset[i];
    const int weight0 = columns.weights[i * 8];
    const int weight1 = columns.weights[i * 8 + 1];
    const std::uint8_t* next = weight1 == 0 ? pixel : pixel + 3;  // the right edge has no next pixel
    for (std::size_t channel = 0; channel < 3; ++channel) {
      row[i * kRowChannels + channel] = static_cast<std::int16_t>((pixel[channel] * weight0 + next[channel] * weight1) >> 4);
    }
    row[i * kRowChannels + 3] = 0;
  }
}

void blend_rows_portable(const std::int16_t* upper, const std::int16_t* lower, int weight0, int weight1, int begin,
                         int values, std::uint8_t* pixels) {
  for (int i = begin; i < values; ++i) {
    const int sum = ((upper[i] * weight0) >> 16) + ((lower[i] * weight1) >> 16);
    pixels[i] = static_cast<std::uint8_t>(std::clamp((sum + 2) >> 2, 0, 255));
  }
}

/// `pixels` (B G R 0) of one row to three planes, or to interleaved floats.
struct Destination {
  std::array<float*, 3> channel{};  // first value of the row, by the tensor's channel
  std::size_t step = 1;             // floats from one pixel to the next
};

/// The float of each of the 256 pixel values, by the tensor's channel. Divided, as the families do it: a product with the
/// reciprocal would differ in the last bit.
using PixelValues = std::array<std::array<float, 256>, 3>;

PixelValues pixel_values(const PixelFormat& format) {
  PixelValues values;
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (std::size_t pixel = 0; pixel < 256; ++pixel) {
      values[channel][pixel] = (static_cast<float>(pixel) - format.mean[channel]) / format.deviation[channel];
    }
  }
  return values;
}

void convert_row_portable(const std::uint8_t* pixels, int begin, int width, bool swap, const PixelValues& values,
                          const Destination& to) {
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const std::size_t from = swap ? 2 - channel : channel;
    const std::array<float, 256>& value = values[channel];
    float* out = to.channel[channel];
    for (auto x = static_cast<std::size_t>(begin); x < static_cast<std::size_t>(width); ++x) {
      out[x * to.step] = value[pixels[x * kRowChannels + from]];
    }
  }
}

#ifdef GOSHAWK_X86

__attribute__((target("avx2"))) inline __m256i weighted_pair(const std::uint8_t* a, const std::uint8_t* b,
                                                             const std::int16_t* weights_a) {
  const __m256i order = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,  //
                                         0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
  const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i_u*>(a));
  const __m128i high = _mm_loadl_epi64(reinterpret_cast<const __m128i_u*>(b));
  const __m256i samples = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), order);
  const __m256i weights = _mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(weights_a));
  return _mm256_srai_epi32(_mm256_madd_epi16(samples, weights), 4);
}

__attribute__((target("avx2"))) void resize_row_avx2(const std::uint8_t* source, const Columns& columns, std::int16_t* row) {
  const int whole = columns.wide_loads & ~3;
  const int* offset = columns.offset.data();
  const std::int16_t* weights = columns.weights.data();
  for (int x = 0; x < whole; x += 4) {
    const __m256i first = weighted_pair(source + offset[x], source + offset[x + 1], weights + x * 8);
    const __m256i second = weighted_pair(source + offset[x + 2], source + offset[x + 3], weights + x * 8 + 16);
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi32(first, second), _MM_SHUFFLE(3, 1, 2, 0));
    _mm256_storeu_si256(reinterpret_cast<__m256i_u*>(row + x * kRowChannels), packed);
  }
  resize_row_portable(source, columns, whole, row);
}

__attribute__((target("avx2"))) inline __m256i blend_16(const std::int16_t* upper, const std::int16_t* lower,
                                                        __m256i weight0, __m256i weight1) {
  const __m256i a = _mm256_mulhi_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(upper)), weight0);
  const __m256i b = _mm256_mulhi_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(lower)), weight1);
  return _mm256_srai_epi16(_mm256_add_epi16(_mm256_add_epi16(a, b), _mm256_set1_epi16(2)), 2);
}

__attribute__((target("avx2"))) void blend_rows_avx2(const std::int16_t* upper, const std::int16_t* lower, int weight0,
                                                     int weight1, int values, std::uint8_t* pixels) {
  const __m256i w0 = _mm256_set1_epi16(static_cast<std::int16_t>(weight0));
  const __m256i w1 = _mm256_set1_epi16(static_cast<std::int16_t>(weight1));
  const int whole = values & ~31;
  for (int i = 0; i < whole; i += 32) {
    const __m256i first = blend_16(upper + i, lower + i, w0, w1);
    const __m256i second = blend_16(upper + i + 16, lower + i + 16, w0, w1);
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi16(first, second), _MM_SHUFFLE(3, 1, 2, 0));
    _mm256_storeu_si256(reinterpret_cast<__m256i_u*>(pixels + i), packed);
  }
  blend_rows_portable(upper, lower, weight0, weight1, whole, values, pixels);
}

/// Quotients without dividing: a * r, corrected by its own remainder (Markstein 1990).
struct Reciprocal {
  __m256 mean, divisor, reciprocal;
};

__attribute__((target("avx2,fma"))) inline Reciprocal reciprocal(const PixelFormat& format, std::size_t channel) {
  const __m256 divisor = _mm256_set1_ps(format.deviation[channel]);
  return {_mm256_set1_ps(format.mean[channel]), divisor, _mm256_div_ps(_mm256_set1_ps(1), divisor)};
}

__attribute__((target("avx2,fma"))) inline __m256 quotient(__m256 pixel, const Reciprocal& by) {
  const __m256 value = _mm256_sub_ps(pixel, by.mean);
  const __m256 estimate = _mm256_mul_ps(value, by.reciprocal);
  const __m256 remainder = _mm256_fnmadd_ps(estimate, by.divisor, value);
  return _mm256_fmadd_ps(remainder, by.reciprocal, estimate);
}

/// Whether `quotient` gives exactly `values` for every pixel (it does but for rare divisors).
__attribute__((target("avx2,fma"))) bool quotients_are_exact(const PixelFormat& format, const PixelValues& values) {
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const Reciprocal by = reciprocal(format, channel);
    for (std::size_t pixel = 0; pixel < 256; pixel += 8) {
      const __m256i numbers =
          _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(static_cast<int>(pixel)));
      const __m256 computed = quotient(_mm256_cvtepi32_ps(numbers), by);
      const __m256 expected = _mm256_loadu_ps(values[channel].data() + pixel);
      if (_mm256_movemask_ps(_mm256_cmp_ps(computed, expected, _CMP_EQ_OQ)) != 0xFF) return false;
    }
  }
  return true;
}

__attribute__((target("avx2,fma"))) void convert_row_avx2(const std::uint8_t* pixels, int width, const PixelFormat& format,
                                                          const PixelValues& values, const Destination& to) {
  const int whole = width & ~7;
  const __m256i low_byte = _mm256_set1_epi32(255);
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(format.swap_red_blue ? 2 - channel : channel) * 8);
    const Reciprocal by = reciprocal(format, channel);
    float* out = to.channel[channel];
    for (int x = 0; x < whole; x += 8) {
      const __m256i bgr0 = _mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(pixels + x * kRowChannels));
      const __m256 pixel = _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srl_epi32(bgr0, shift), low_byte));
      _mm256_storeu_ps(out + x, quotient(pixel, by));
    }
  }
  convert_row_portable(pixels, whole, width, format.swap_red_blue, values, to);
}

#endif  // GOSHAWK_X86

void resize_row(Instructions instructions, const std::uint8_t* source, const Columns& columns, std::int16_t* row) {
#ifdef GOSHAWK_X86
  if (instructions == Instructions::kAvx2) return resize_row_avx2(source, columns, row);
#endif
  static_cast<void>(instructions);
  resize_row_portable(source, columns, 0, row);
}

void blend_rows(Instructions instructions, const std::int16_t* upper, const std::int16_t* lower, int weight0, int weight1,
                int values, std::uint8_t* pixels) {
#ifdef GOSHAWK_X86
  if (instructions == Instructions::kAvx2) return blend_rows_avx2(upper, lower, weight0, weight1, values, pixels);
#endif
  static_cast<void>(instructions);
  blend_rows_portable(upper, lower, weight0, weight1, 0, values, pixels);
}

/// Turns rows of 8-bit pixels into floats.
class Converter {
 public:
  Converter(const PixelFormat& format, Instructions instructions) : format_(format), values_(pixel_values(format)) {
#ifdef GOSHAWK_X86
    fast_ = instructions == Instructions::kAvx2 && !format.interleaved && quotients_are_exact(format, values_);
#endif
    static_cast<void>(instructions);
  }
  void convert(const std::uint8_t* pixels, int width, const Destination& to) const {
#ifdef GOSHAWK_X86
    if (fast_) return convert_row_avx2(pixels, width, format_, values_, to);
#endif
    convert_row_portable(pixels, 0, width, format_.swap_red_blue, values_, to);
  }

 private:
  const PixelFormat& format_;
  PixelValues values_;
  bool fast_ = false;
};

Destination destination(const cv::Point& at, const cv::Size& size, const PixelFormat& format, std::span<float> tensor) {
  Destination to;
  const auto pixel = static_cast<std::size_t>(at.y) * static_cast<std::size_t>(size.width) + static_cast<std::size_t>(at.x);
  const std::size_t plane = static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height);
  to.step = format.interleaved ? 3 : 1;
  for (std::size_t channel = 0; channel < 3; ++channel) {
    to.channel[channel] = tensor.data() + (format.interleaved ? pixel * 3 + channel : channel * plane + pixel);
  }
  return to;
}

void check(const cv::Rect& inner, const cv::Size& size, std::span<float> tensor) {
  require((inner & cv::Rect({}, size)) == inner && inner.width > 0 && inner.height > 0,
          "resize: the target lies in the tensor");
  require(tensor.size() == static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height) * 3,
          "resize: the tensor has height * width * 3 floats");
}

}  // namespace

Instructions best_instructions() {
#ifdef GOSHAWK_X86
  static const bool has_avx2_and_fma = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  if (has_avx2_and_fma) return Instructions::kAvx2;
#endif
  return Instructions::kPortable;
}

void resize_into(const cv::Mat& image, const cv::Rect& inner, const cv::Size& size, const PixelFormat& format,
                 std::span<float> tensor, Instructions instructions) {
  require(image.type() == CV_8UC3 && !image.empty(), "resize: an 8-bit BGR image with pixels");
  check(inner, size, tensor);
  const Columns columns = make_columns(image.cols, inner.width);
  const Axis rows = make_axis(image.rows, inner.height, false);
  const Converter converter(format, instructions);

  // Two resized rows are kept, so that upscaling resizes each source row once.
  const int values = inner.width * kRowChannels;
  std::vector<std::int16_t> row_memory(static_cast<std::size_t>(values) * 2);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(values));
  std::array<std::int16_t*, 2> row = {row_memory.data(), row_memory.data() + values};
  std::array<int, 2> row_of = {-1, -1};
  for (int y = 0; y < inner.height; ++y) {
    const auto i = static_cast<std::size_t>(y);
    const int upper = std::clamp(rows.first[i], 0, image.rows - 1);
    const int lower = std::clamp(rows.first[i] + 1, 0, image.rows - 1);
    if (row_of[0] != upper && row_of[1] == upper) {
      std::swap(row[0], row[1]);
      std::swap(row_of[0], row_of[1]);
    }
    if (row_of[0] != upper) {
      resize_row(instructions, image.ptr<std::uint8_t>(upper), columns, row[0]);
      row_of[0] = upper;
    }
    if (lower != upper && row_of[1] != lower) {
      resize_row(instructions, image.ptr<std::uint8_t>(lower), columns, row[1]);
      row_of[1] = lower;
    }
    blend_rows(instructions, row[0], lower == upper ? row[0] : row[1], rows.weight0[i], rows.weight1[i], values,
               pixels.data());
    converter.convert(pixels.data(), inner.width, destination({inner.x, inner.y + y}, size, format, tensor));
  }
}

void fill_border(int value, const cv::Rect& inner, const cv::Size& size, const PixelFormat& format,
                 std::span<float> tensor) {
  check(inner, size, tensor);
  std::array<float, 3> filling{};
  for (std::size_t channel = 0; channel < 3; ++channel) {
    filling[channel] = (static_cast<float>(value) - format.mean[channel]) / format.deviation[channel];
  }
  const auto fill = [&](int x1, int x2, int y) {
    if (x1 >= x2) return;
    const Destination to = destination({x1, y}, size, format, tensor);
    for (std::size_t channel = 0; channel < 3; ++channel) {
      float* out = to.channel[channel];
      if (to.step == 1) {
        std::fill(out, out + (x2 - x1), filling[channel]);
      } else {
        for (std::size_t x = 0; x < static_cast<std::size_t>(x2 - x1); ++x) out[x * to.step] = filling[channel];
      }
    }
  };
  for (int y = 0; y < size.height; ++y) {
    const bool crosses = y >= inner.y && y < inner.y + inner.height;
    fill(0, crosses ? inner.x : size.width, y);
    if (crosses) fill(inner.x + inner.width, size.width, y);
  }
}

}  // namespace goshawk::detect
