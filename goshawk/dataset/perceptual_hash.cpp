#include "goshawk/dataset/perceptual_hash.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/core/random.h"

namespace goshawk::dataset {
namespace {

constexpr int kSide = 32;  // cells of the small picture along a side
constexpr int kLow = 8;    // frequencies along a side

using Cells = std::array<std::array<std::int64_t, kSide>, kSide>;

/// Overlap of the spans [a, a + a_length) and [b, b + b_length).
std::int64_t overlap(std::int64_t a, std::int64_t a_length, std::int64_t b, std::int64_t b_length) {
  return std::max<std::int64_t>(0, std::min(a + a_length, b + b_length) - std::max(a, b));
}

/// Adds `weight` times the row in grey to `sums`. Rec. 601 in 1/256.
void add_row(const cv::Mat& image, int y, std::uint32_t weight, std::vector<std::uint32_t>& sums) {
  const std::uint8_t* pixel = image.ptr<std::uint8_t>(y);
  const auto width = static_cast<std::size_t>(image.cols);
  if (image.channels() == 1) {
    for (std::size_t x = 0; x < width; ++x) sums[x] += weight * pixel[x];
    return;
  }
  for (std::size_t x = 0; x < width; ++x) {
    const std::uint32_t grey = (29U * pixel[3 * x] + 150U * pixel[3 * x + 1] + 77U * pixel[3 * x + 2] + 128U) >> 8U;
    sums[x] += weight * grey;
  }
}

/// Mean grey of each cell, times 256. A cell takes the pixels it covers, by the part that it covers: all lengths are counted
/// in 1/32 of a pixel, so they are whole.
Cells shrink(const cv::Mat& image) {
  const std::int64_t width = image.cols, height = image.rows;
  Cells cells{};
  std::vector<std::uint32_t> sums(static_cast<std::size_t>(width));
  for (std::int64_t row = 0; row < kSide; ++row) {
    std::fill(sums.begin(), sums.end(), 0);
    const std::int64_t top = row * height;  // the cell's span is [top, top + height) of kSide * height
    for (std::int64_t y = top / kSide; y < height && y * kSide < top + height; ++y) {
      const auto weight = static_cast<std::uint32_t>(overlap(y * kSide, kSide, top, height));
      add_row(image, static_cast<int>(y), weight, sums);
    }
    for (std::int64_t column = 0; column < kSide; ++column) {
      const std::int64_t left = column * width;
      std::int64_t sum = 0;
      for (std::int64_t x = left / kSide; x < width && x * kSide < left + width; ++x) {
        sum += overlap(x * kSide, kSide, left, width) * sums[static_cast<std::size_t>(x)];
      }
      cells[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)] = sum * 256 / (width * height);
    }
  }
  return cells;
}

/// cos((2 x + 1) u pi / 64) in 1/4096, for u = 0..8.
using Waves = std::array<std::array<std::int64_t, kSide>, kLow + 1>;

Waves make_waves() {
  Waves waves{};
  for (int u = 0; u <= kLow; ++u) {
    for (int x = 0; x < kSide; ++x) {
      const double angle = (2 * x + 1) * u * std::numbers::pi / (2 * kSide);
      waves[static_cast<std::size_t>(u)][static_cast<std::size_t>(x)] = std::llround(std::cos(angle) * 4096);
    }
  }
  return waves;
}

/// The lowest frequencies, each row those of one vertical one.
using Strengths = std::array<std::int64_t, kLow * kLow>;

Strengths strengths_of(const Cells& cells) {
  static const Waves kWaves = make_waves();
  Strengths strengths{};
  for (std::size_t u = 0; u <= kLow; ++u) {
    std::array<std::int64_t, kSide> along{};
    for (std::size_t y = 0; y < kSide; ++y) {
      for (std::size_t x = 0; x < kSide; ++x) along[y] += cells[y][x] * kWaves[u][x];
    }
    const auto strength = [&](std::size_t v) {
      std::int64_t sum = 0;
      for (std::size_t y = 0; y < kSide; ++y) sum += along[y] * kWaves[v][y];
      return sum;
    };
    if (u == kLow) {
      strengths[0] = strength(0);  // in the place of the mean, which says nothing
      break;
    }
    for (std::size_t v = 0; v < kLow; ++v) strengths[v * kLow + u] = strength(v);
  }
  return strengths;
}

std::uint64_t signs_of(const Strengths& strengths) {
  auto sorted = strengths;
  std::nth_element(sorted.begin(), sorted.begin() + kLow * kLow / 2, sorted.end());
  const std::int64_t median = sorted[kLow * kLow / 2];
  std::uint64_t hash = 0;
  for (const std::int64_t strength : strengths) hash = hash << 1U | (strength >= median ? 1U : 0U);
  return hash;
}

/// Fewer than a quarter of the frequencies have an amplitude of an eighth of a grey level: the median would be 0, or nearly,
/// and most bits those of rounding.
bool is_plain(const Strengths& strengths) {
  constexpr std::int64_t kFloor = (kSide / 2) * (kSide / 2) * (256 / 8) * (std::int64_t{4096} * 4096);
  return std::ranges::count_if(strengths, [](std::int64_t s) { return std::abs(s) >= kFloor; }) < kLow * kLow / 4;
}

/// Different for any two pictures in grey at 32 x 32.
std::uint64_t digest_of(const Cells& cells) {
  std::uint64_t digest = 0;
  for (const auto& row : cells) {
    for (const std::int64_t cell : row) digest = Random(digest ^ static_cast<std::uint64_t>(cell)).next();
  }
  return digest;
}

}  // namespace

PictureHash perceptual_hash(const cv::Mat& image) {
  require(!image.empty() && (image.type() == CV_8UC3 || image.type() == CV_8UC1), "perceptual_hash takes 8-bit BGR or grey");
  // The weights of a column's pixels in one cell sum up to the height, so that 255 times it fits 32 bits.
  require(image.cols <= 1 << 24 && image.rows <= 1 << 24, "perceptual_hash takes sides of at most 16,777,216 pixels");
  Cells cells = shrink(image);
  Strengths strengths = strengths_of(cells);
  PictureHash hash;
  if (is_plain(strengths)) {
    hash.plain = digest_of(cells);
    for (auto& row : cells) std::ranges::reverse(row);
    hash.mirrored = digest_of(cells);
    return hash;
  }
  hash.plain = signs_of(strengths);
  for (std::size_t i = 1; i < strengths.size(); i += 2) strengths[i] = -strengths[i];  // odd horizontal frequencies
  hash.mirrored = signs_of(strengths);
  return hash;
}

std::string hash_text(std::uint64_t hash) { return fmt::format("{:016x}", hash); }

std::optional<std::uint64_t> parse_hash(std::string_view text) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text.size() != 16 || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  std::uint64_t hash = 0;
  std::from_chars(text.data(), text.data() + text.size(), hash, 16);
  return hash;
}

}  // namespace goshawk::dataset
