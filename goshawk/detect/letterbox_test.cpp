#include "goshawk/detect/letterbox.h"

#include <gtest/gtest.h>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <string>
#include <vector>

#include "goshawk/detect/recipe_io.h"
#include "goshawk/detect/resize_kernel.h"

namespace goshawk::detect {
namespace {

cv::Mat noise(int width, int height, std::uint64_t seed = 7) {
  cv::Mat image(height, width, CV_8UC3);
  cv::RNG random(seed);
  random.fill(image, cv::RNG::UNIFORM, 0, 256);
  return image;
}

/// What OpenCV makes of it, as floats in the tensor's layout.
std::vector<float> reference(const cv::Mat& image, const cv::Rect& inner, const cv::Size& size, int pad,
                             const PixelFormat& format) {
  cv::Mat resized, canvas(size, CV_8UC3, cv::Scalar::all(pad));
  cv::resize(image, resized, inner.size(), 0, 0, cv::INTER_LINEAR);
  resized.copyTo(canvas(inner));
  std::vector<float> tensor(static_cast<std::size_t>(size.area()) * 3);
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      for (int channel = 0; channel < 3; ++channel) {
        const auto c = static_cast<std::size_t>(channel);
        const int pixel = canvas.at<cv::Vec3b>(y, x)[format.swap_red_blue ? 2 - channel : channel];
        const int at =
            format.interleaved ? (y * size.width + x) * 3 + channel : (channel * size.height + y) * size.width + x;
        tensor[static_cast<std::size_t>(at)] = (static_cast<float>(pixel) - format.mean[c]) / format.deviation[c];
      }
    }
  }
  return tensor;
}

struct Shapes {
  cv::Size from, to;
};

std::string shapes_name(const testing::TestParamInfo<Shapes>& shapes) {
  const auto text = [](const cv::Size& size) { return std::to_string(size.width) + "x" + std::to_string(size.height); };
  return text(shapes.param.from) + "To" + text(shapes.param.to);
}

class ResizeInto : public testing::TestWithParam<Shapes> {};

TEST_P(ResizeInto, EqualsOpenCvBitForBitWithEveryInstructionSet) {
  const auto [from, to] = GetParam();
  const cv::Mat image = noise(from.width, from.height);
  const cv::Size size(to.width + 5, to.height + 3);
  const cv::Rect inner(2, 1, to.width, to.height);
  std::vector<Instructions> sets = {Instructions::kPortable};
  if (best_instructions() != Instructions::kPortable) sets.push_back(best_instructions());
  for (const bool swap : {false, true}) {
    for (const bool interleaved : {false, true}) {
      const PixelFormat format{swap, interleaved, {1.5F, 20, 103.53F}, {255, 0.25F, 57.375F}};
      const std::vector<float> expected = reference(image, inner, size, 114, format);
      for (const Instructions set : sets) {
        std::vector<float> tensor(expected.size(), -1e9F);
        fill_border(114, inner, size, format, tensor);
        resize_into(image, inner, size, format, tensor, set);
        EXPECT_EQ(tensor, expected) << "swap " << swap << " interleaved " << interleaved << " set " << static_cast<int>(set);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(OddShapes, ResizeInto,
                         testing::Values(Shapes{{23, 25}, {23, 25}}, Shapes{{23, 25}, {64, 61}}, Shapes{{1, 1}, {1, 1}},
                                         Shapes{{1, 1}, {37, 5}}, Shapes{{500, 7}, {31, 77}}, Shapes{{7, 500}, {33, 1}},
                                         Shapes{{2, 3}, {4, 6}}, Shapes{{64, 48}, {32, 24}},
                                         Shapes{{1920, 1080}, {640, 360}}, Shapes{{333, 111}, {100, 334}},
                                         Shapes{{17, 2}, {8, 1}}, Shapes{{3, 3}, {1, 1}}, Shapes{{1919, 1079}, {415, 233}},
                                         Shapes{{4, 4}, {129, 131}}),
                         shapes_name);

TEST(ResizeIntoView, TakesAPartOfALargerImage) {
  const cv::Mat image = noise(90, 70);
  const cv::Mat part = image(cv::Rect(11, 7, 31, 29));
  const PixelFormat format;
  std::vector<float> tensor(40 * 20 * 3);
  resize_into(part, {0, 0, 40, 20}, {40, 20}, format, tensor);
  EXPECT_EQ(tensor, reference(part, {0, 0, 40, 20}, {40, 20}, 0, format));
}

TEST(Prepare, CentersAsUltralyticsDoes) {
  // 640 x 425 into 160: r = 0.25, 425 * 0.25 = 106.25 -> 106; half of 54 is 27: round(26.9) = 27.
  Recipe recipe = family_defaults(Family::kYoloV8);
  std::vector<float> tensor(160 * 160 * 3);
  const cv::Mat image = noise(640, 425);
  const Placement placement = prepare(image, recipe, 160, 160, tensor);
  EXPECT_EQ(placement.scale_x, 0.25F);
  EXPECT_EQ(placement.pad_x, 0);
  EXPECT_EQ(placement.pad_y, 27);
  const PixelFormat format{true, false, recipe.mean, recipe.deviation};
  EXPECT_EQ(tensor, reference(image, {0, 27, 160, 106}, {160, 160}, 114, format));
}

TEST(Prepare, KeepsThePaddingOnlyWhereItIsStillRight) {
  const Recipe recipe = family_defaults(Family::kYoloV8);
  std::vector<float> kept(160 * 160 * 3, -1), fresh(kept);
  std::optional<Placement> before;
  for (const cv::Size size : {cv::Size(64, 42), {64, 42}, {42, 64}, {42, 64}, {160, 160}, {320, 210}, {64, 42}}) {
    const cv::Mat image = noise(size.width, size.height);
    before = prepare(image, recipe, 160, 160, kept, before);
    fresh.assign(fresh.size(), -1);
    EXPECT_EQ(prepare(image, recipe, 160, 160, fresh), *before) << size;
    EXPECT_EQ(kept, fresh) << size;
  }
}

TEST(Prepare, PutsTheOddPixelOfPaddingBelowAndRight) {
  // 100 x 61 into 100 x 100: 39 rows of padding, halves 19.5: top round(19.4) = 19, bottom round(19.6) = 20.
  std::vector<float> tensor(100 * 100 * 3);
  EXPECT_EQ(prepare(noise(100, 61), family_defaults(Family::kYoloV8), 100, 100, tensor).pad_y, 19);
}

TEST(Prepare, RoundsHalvesToEvenAsPythonDoes) {
  // 4 x 5 into 2 x 2: r = 0.4, sizes 1.6 -> 2 and 2; 8 x 5 into 4 x 4: r = 0.5, height 2.5 -> 2 (not 3).
  std::vector<float> tensor(4 * 4 * 3);
  EXPECT_EQ(prepare(noise(8, 5), family_defaults(Family::kYoloV8), 4, 4, tensor).pad_y, 1);
}

TEST(Prepare, PlacesYoloxTopLeftWithTruncatedSizes) {
  const Recipe recipe = family_defaults(Family::kYolox);
  const cv::Mat image = noise(500, 333);  // r = 0.832: 416 x 277.06
  std::vector<float> tensor(416 * 416 * 3);
  const Placement placement = prepare(image, recipe, 416, 416, tensor);
  EXPECT_EQ(placement.pad_x, 0);
  EXPECT_EQ(placement.pad_y, 0);
  EXPECT_EQ(tensor, reference(image, {0, 0, 416, 277}, {416, 416}, 114, PixelFormat{}));
}

TEST(Prepare, StretchesAndNormalisesForNanoDet) {
  const Recipe recipe = family_defaults(Family::kNanoDet);
  const cv::Mat image = noise(77, 31);
  std::vector<float> tensor(32 * 32 * 3);
  const Placement placement = prepare(image, recipe, 32, 32, tensor);
  EXPECT_EQ(tensor, reference(image, {0, 0, 32, 32}, {32, 32}, 0, PixelFormat{false, false, recipe.mean, recipe.deviation}));
  EXPECT_FLOAT_EQ(placement.to_image({16, 16, 32, 32}).x1, 38.5F);
}

TEST(Prepare, OnlyPadsForYuNetUnlessTheImageIsTooLarge) {
  const Recipe recipe = family_defaults(Family::kYuNet);
  std::vector<float> tensor(64 * 32 * 3);
  const cv::Mat image = noise(50, 31);
  prepare(image, recipe, 64, 32, tensor);
  EXPECT_EQ(tensor, reference(image, {0, 0, 50, 31}, {64, 32}, 0, PixelFormat{}));
  EXPECT_EQ(prepare(noise(128, 31), recipe, 64, 32, tensor).scale_x, 0.5F);
}

TEST(Prepare, TakesExtremeAspectRatios) {
  std::vector<float> tensor(32 * 32 * 3);
  for (const Family family : {Family::kYoloV8, Family::kYolox, Family::kNanoDet, Family::kYuNet}) {
    for (const cv::Size size : {cv::Size(5000, 1), cv::Size(1, 5000), cv::Size(1, 1)}) {
      const Placement placement = prepare(noise(size.width, size.height), family_defaults(family), 32, 32, tensor);
      EXPECT_EQ(placement.image_width, size.width);
    }
  }
}

TEST(Placement, MapsBackAndClips) {
  const Placement placement{0.25F, 0.25F, 0, 27, 640, 425};
  const Box expected{40, 92, 640, 425};
  EXPECT_EQ(placement.to_image({10, 50, 200, 160}), expected);
}

}  // namespace
}  // namespace goshawk::detect
