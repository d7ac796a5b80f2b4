#include "goshawk/train/augment.h"

#include <gtest/gtest.h>

#include <numeric>
#include <opencv2/imgproc.hpp>
#include <optional>

namespace goshawk::train {
namespace {

/// A grey picture with one white rectangle, which is its object.
Sample with_rectangle(int width, int height, cv::Rect rectangle, int class_id = 0, int ground = 40) {
  Sample sample;
  sample.image = cv::Mat(height, width, CV_8UC3, cv::Scalar::all(ground));
  sample.image(rectangle).setTo(cv::Scalar::all(255));
  sample.targets.objects.push_back({{static_cast<float>(rectangle.x), static_cast<float>(rectangle.y),
                                     static_cast<float>(rectangle.br().x), static_cast<float>(rectangle.br().y)},
                                    class_id});
  return sample;
}

/// Where the picture is white.
std::optional<Box> white_box(const cv::Mat& image) {
  cv::Mat gray, white;
  cv::cvtColor(image, gray, cv::COLOR_BGR2GRAY);
  cv::threshold(gray, white, 180, 255, cv::THRESH_BINARY);
  std::vector<cv::Point> points;
  cv::findNonZero(white, points);
  if (points.empty()) return std::nullopt;
  const cv::Rect r = cv::boundingRect(points);
  return Box{static_cast<float>(r.x), static_cast<float>(r.y), static_cast<float>(r.br().x), static_cast<float>(r.br().y)};
}

void expect_near(const Box& a, const Box& b, float tolerance) {
  EXPECT_NEAR(a.x1, b.x1, tolerance);
  EXPECT_NEAR(a.y1, b.y1, tolerance);
  EXPECT_NEAR(a.x2, b.x2, tolerance);
  EXPECT_NEAR(a.y2, b.y2, tolerance);
}

AugmentOptions geometry_only() {
  AugmentOptions options;
  options.hsv_h = options.hsv_s = options.hsv_v = 0;
  options.flipud = 0.5;
  return options;
}

TEST(Augment, HuesTurnAllAlike) {
  AugmentOptions options;
  options.hsv_h = 0.5, options.hsv_s = options.hsv_v = 0, options.fliplr = 0, options.translate = options.scale = 0;
  Sample sample;
  sample.image = cv::Mat(64, 64, CV_8UC3, cv::Scalar(0, 0, 255));  // red, hue 0
  sample.image.colRange(32, 64).setTo(cv::Scalar(9, 0, 255));      // hue 179
  const auto hue = [](const cv::Mat& image, int x) {
    cv::Mat hsv;
    cv::cvtColor(image, hsv, cv::COLOR_BGR2HSV);
    return static_cast<int>(hsv.at<cv::Vec3b>(32, x)[0]);
  };
  ASSERT_EQ(hue(sample.image, 48), 179);
  Random random(5);
  int turned = 0;
  for (int i = 0; i < 20; ++i) {
    const auto changed = augment(sample, 64, options, random).image;
    const int apart = (hue(changed, 16) - hue(changed, 48) + 180) % 180;
    EXPECT_TRUE(apart <= 3) << hue(changed, 16) << ' ' << hue(changed, 48);
    turned += hue(changed, 16) > 10 && hue(changed, 16) < 170 ? 1 : 0;
  }
  EXPECT_GT(turned, 10) << "red takes other hues, too";
}

TEST(Augment, LetterboxKeepsTheShapeAndTheObject) {
  const auto boxed = letterbox(with_rectangle(200, 100, {20, 30, 60, 40}), 100);
  EXPECT_EQ(boxed.image.size(), cv::Size(100, 100));
  EXPECT_EQ(boxed.image.at<cv::Vec3b>(5, 50), cv::Vec3b(kPadding, kPadding, kPadding));
  expect_near(boxed.targets.objects.at(0).box, {10, 40, 40, 60}, 1e-3F);
  expect_near(*white_box(boxed.image), {10, 40, 40, 60}, 1);
}

TEST(Augment, BoxesStayOnTheirObjects) {
  int seen = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const auto sample = augment(with_rectangle(123, 77, {30, 20, 50, 33}), 96, geometry_only(), random);
    if (sample.targets.objects.empty()) continue;
    ++seen;
    expect_near(sample.targets.objects[0].box, white_box(sample.image).value(), 1.6F);
  }
  EXPECT_GT(seen, 40);
}

TEST(Augment, BoxesHoldTurnedAndShearedObjects) {
  AugmentOptions options = geometry_only();
  options.degrees = 30;
  options.shear = 10;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const auto sample = augment(with_rectangle(120, 120, {40, 40, 40, 30}), 96, options, random);
    if (sample.targets.objects.empty()) continue;
    expect_near(sample.targets.objects[0].box, white_box(sample.image).value(), 2.5F);
  }
}

TEST(Augment, MosaicPlacesEachOfFourPictures) {
  int objects = 0;
  for (std::uint64_t seed = 0; seed < 80; ++seed) {
    SCOPED_TRACE(seed);
    // One of the four has an object; the others are plain.
    std::array<Sample, 4> samples{with_rectangle(96, 50, {0, 0, 1, 1}), with_rectangle(60, 96, {0, 0, 1, 1}),
                                  with_rectangle(96, 96, {0, 0, 1, 1}), with_rectangle(70, 96, {0, 0, 1, 1})};
    for (auto& sample : samples) {
      sample.image.setTo(cv::Scalar::all(40));
      sample.targets.objects.clear();
    }
    samples[seed % 4] = with_rectangle(96, 64, {20, 16, 50, 30}, 3);
    Random random(seed);
    const auto result = mosaic({&samples[0], &samples[1], &samples[2], &samples[3]}, 96, geometry_only(), random);
    EXPECT_EQ(result.image.size(), cv::Size(96, 96));
    const auto white = white_box(result.image);
    if (result.targets.objects.empty()) continue;
    ++objects;
    ASSERT_EQ(result.targets.objects.size(), 1U);
    EXPECT_EQ(result.targets.objects[0].class_id, 3);
    expect_near(result.targets.objects[0].box, white.value(), 1.6F);
  }
  EXPECT_GT(objects, 25);
}

/// The way it is usually done: all four on a canvas of twice the side, which is then cut and zoomed as a whole.
TEST(Augment, MosaicShowsWhatACanvasWouldShow) {
  const int side = 64;
  AugmentOptions options = geometry_only();
  options.scale = 0;
  options.translate = 0;
  options.fliplr = options.flipud = 0;
  std::array<Sample, 4> samples;
  for (int i = 0; i < 4; ++i) {
    auto& image = samples[static_cast<std::size_t>(i)].image;
    image = cv::Mat(i % 2 == 0 ? 64 : 40, i < 2 ? 64 : 50, CV_8UC3);
    cv::randu(image, 0, 255);
  }
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed), same(seed);
    const auto result = mosaic({&samples[0], &samples[1], &samples[2], &samples[3]}, side, options, random);
    const int x = static_cast<int>(uniform(same, side / 2.0, 1.5 * side)),
              y = static_cast<int>(uniform(same, side / 2.0, 1.5 * side));
    cv::Mat canvas(2 * side, 2 * side, CV_8UC3, cv::Scalar::all(kPadding));
    for (int i = 0; i < 4; ++i) {
      const auto& image = samples[static_cast<std::size_t>(i)].image;
      const cv::Rect full(i % 2 == 1 ? x : x - image.cols, i >= 2 ? y : y - image.rows, image.cols, image.rows);
      const cv::Rect placed = full & cv::Rect(0, 0, canvas.cols, canvas.rows);
      image(placed - full.tl()).copyTo(canvas(placed));
    }
    const cv::Mat expected = canvas(cv::Rect(side / 2, side / 2, side, side));
    EXPECT_EQ(cv::norm(result.image, expected, cv::NORM_INF), 0);
  }
}

TEST(Augment, MixingKeepsTheObjectsOfBoth) {
  Random random(1);
  auto a = with_rectangle(50, 50, {5, 5, 20, 20}, 1), b = with_rectangle(50, 50, {30, 30, 15, 15}, 2);
  a.targets.unlabelled = {1, 4};
  b.targets.unlabelled = {0, 4};
  const auto both = mix(a, b, random);
  EXPECT_EQ(both.targets.objects.size(), 2U);
  EXPECT_EQ(both.targets.unlabelled, (std::vector{0, 1, 4}));
  const int share = both.image.at<cv::Vec3b>(10, 10)[0];
  EXPECT_GT(share, 90);
  EXPECT_LT(share, 220);
}

TEST(Augment, SliversAreDropped) {
  AugmentOptions options = geometry_only();
  options.translate = 0;
  options.scale = 0;
  Random random(5);
  EXPECT_TRUE(augment(with_rectangle(96, 96, {10, 10, 60, 1}), 96, options, random).targets.objects.empty());
}

}  // namespace
}  // namespace goshawk::train
