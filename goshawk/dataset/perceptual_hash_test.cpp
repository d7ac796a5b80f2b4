#include "goshawk/dataset/perceptual_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

namespace goshawk::dataset {
namespace {

/// Soft random shapes: as photos, most of the picture is low frequencies.
cv::Mat picture(int seed, cv::Size size) {
  cv::Mat small(6, 8, CV_8UC3), image;
  cv::RNG rng(static_cast<std::uint64_t>(seed) + 1000);
  rng.fill(small, cv::RNG::UNIFORM, 40, 200);
  cv::resize(small, image, size, 0, 0, cv::INTER_CUBIC);
  return image;
}

/// The same in floating point, straight from the definition.
std::uint64_t plain_hash(const cv::Mat& image) {
  cv::Mat grey(image.size(), CV_64F), small;
  for (int y = 0; y < image.rows; ++y) {
    for (int x = 0; x < image.cols; ++x) {
      const auto& p = image.at<cv::Vec3b>(y, x);
      grey.at<double>(y, x) = (29 * p[0] + 150 * p[1] + 77 * p[2] + 128) / 256;
    }
  }
  cv::resize(grey, small, {32, 32}, 0, 0, cv::INTER_AREA);
  const auto strength = [&](int u, int v) {
    double sum = 0;
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 32; ++x) {
        sum += small.at<double>(y, x) * std::cos((2 * x + 1) * u * std::numbers::pi / 64) *
               std::cos((2 * y + 1) * v * std::numbers::pi / 64);
      }
    }
    return sum;
  };
  std::vector<double> strengths;
  for (int i = 0; i < 64; ++i) strengths.push_back(i == 0 ? strength(8, 0) : strength(i % 8, i / 8));
  auto sorted = strengths;
  std::sort(sorted.begin(), sorted.end());
  std::uint64_t hash = 0;
  for (const double s : strengths) hash = hash << 1U | (s >= sorted[32] ? 1U : 0U);
  return hash;
}

TEST(PerceptualHash, EqualsItsDefinitionInFloatingPoint) {
  int different = 0;
  for (int seed = 0; seed < 20; ++seed) {
    for (const cv::Size size :
         {cv::Size(640, 360), cv::Size(101, 67), cv::Size(32, 32), cv::Size(333, 500), cv::Size(70'000, 32)}) {
      const cv::Mat image = picture(seed, size);
      different += std::popcount(perceptual_hash(image).plain ^ plain_hash(image));
    }
  }
  EXPECT_LE(different, 10) << "of 6400 bits: those on the median may fall either way";
}

TEST(PerceptualHash, CopiesAreNearAndPicturesFar) {
  for (int seed = 0; seed < 30; ++seed) {
    const cv::Mat image = picture(seed, {641, 479});
    const PictureHash hash = perceptual_hash(image);
    cv::Mat small, bright, dark, noise(image.size(), CV_8UC3), noisy;
    cv::resize(image, small, {320, 240}, 0, 0, cv::INTER_AREA);
    image.convertTo(bright, -1, 1, 30);
    image.convertTo(dark, -1, 0.6, 0);
    cv::RNG rng(5);
    rng.fill(noise, cv::RNG::UNIFORM, 0, 24);
    cv::add(image, noise, noisy);
    for (const cv::Mat& copy : {small, bright, dark, noisy})
      EXPECT_LE(hash_distance(hash, perceptual_hash(copy)), 6) << seed;
    EXPECT_GE(hash_distance(hash, perceptual_hash(picture(seed + 100, {641, 479}))), 12) << seed;
  }
}

TEST(PerceptualHash, TakesAnySizeAndGrey) {
  for (const cv::Size size : {cv::Size(1, 1), cv::Size(3, 1), cv::Size(1, 700), cv::Size(31, 33), cv::Size(5000, 2),
                              cv::Size(70'000, 8), cv::Size(1, 70'000)}) {
    const cv::Mat flat(size, CV_8UC3, cv::Scalar::all(77)), grey(size, CV_8UC1, cv::Scalar::all(77));
    EXPECT_EQ(perceptual_hash(flat), perceptual_hash(grey)) << size;
  }
}

TEST(PerceptualHash, PlainAndStripedPicturesAreNearTheirCopiesAlone) {
  std::vector<cv::Mat> pictures;
  for (const int grey : {0, 1, 128, 255}) pictures.emplace_back(480, 640, CV_8UC3, cv::Scalar::all(grey));
  for (const cv::Rect part : {cv::Rect(0, 0, 100, 480), cv::Rect(0, 0, 640, 240), cv::Rect(200, 0, 60, 480)}) {
    cv::Mat striped(480, 640, CV_8UC3, cv::Scalar::all(0));
    striped(part).setTo(cv::Scalar::all(255));
    pictures.push_back(striped);
  }
  for (std::size_t a = 0; a < pictures.size(); ++a) {
    cv::Mat small;
    cv::resize(pictures[a], small, {320, 240}, 0, 0, cv::INTER_AREA);
    EXPECT_EQ(hash_distance(perceptual_hash(pictures[a]), perceptual_hash(small)), 0) << a;
    for (std::size_t b = 0; b < a; ++b) {
      EXPECT_GT(hash_distance(perceptual_hash(pictures[a]), perceptual_hash(pictures[b])), 6) << a << " " << b;
    }
  }
}

TEST(PerceptualHash, MirroredCopiesAreNear) {
  for (int seed = 0; seed < 30; ++seed) {
    for (const cv::Size size : {cv::Size(641, 479), cv::Size(64, 64), cv::Size(333, 500)}) {
      const cv::Mat image = picture(seed, size);
      cv::Mat mirrored, small;
      cv::flip(image, mirrored, 1);
      cv::resize(mirrored, small, {320, 240}, 0, 0, cv::INTER_AREA);
      const PictureHash hash = perceptual_hash(image), other = perceptual_hash(mirrored);
      EXPECT_LE(std::popcount(hash.mirrored ^ other.plain), 1) << seed;
      EXPECT_LE(std::popcount(hash.plain ^ other.mirrored), 1) << seed;
      EXPECT_LE(hash_distance(hash, perceptual_hash(small)), 6) << seed;
    }
  }
}

// Kept: hashes in stored frames.json must stay comparable.
TEST(PerceptualHash, StaysWhatItWas) {
  cv::Mat ramp(48, 80, CV_8UC1);
  for (int y = 0; y < 48; ++y) {
    for (int x = 0; x < 80; ++x)
      ramp.at<std::uint8_t>(y, x) = static_cast<std::uint8_t>((x * x + 3 * y * y + 5 * x * y) % 251);
  }
  EXPECT_EQ(hash_text(perceptual_hash(ramp).plain), "55c7aaaa45550cbb");
}

TEST(PerceptualHash, TextComesBack) {
  for (const std::uint64_t hash : {0ULL, ~0ULL, 0x0123456789abcdefULL}) EXPECT_EQ(parse_hash(hash_text(hash)), hash);
  for (const char* bad : {"", "123", "0123456789ABCDEF", "0123456789abcdeg", "0123456789abcdef0", "-123456789abcdef"}) {
    EXPECT_FALSE(parse_hash(bad)) << bad;
  }
}

}  // namespace
}  // namespace goshawk::dataset
