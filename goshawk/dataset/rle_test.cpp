#include "goshawk/dataset/rle.h"

#include <gtest/gtest.h>

#include <random>

namespace goshawk::dataset {
namespace {

RunLengths runs(std::uint32_t height, std::uint32_t width, std::vector<std::uint32_t> counts) {
  RunLengths mask;
  mask.height = height;
  mask.width = width;
  mask.counts = std::move(counts);
  return mask;
}

TEST(Rle, TextIsThatOfPycocotools) {
  // pycocotools.mask.encode of a 9 x 7 mask with rows 2-4, columns 1-3 set
  const std::vector<std::uint32_t> counts{11, 3, 6, 3, 6, 3, 31};
  EXPECT_EQ(encode_runs(counts), ";36000i0");
  EXPECT_EQ(decode_runs(";36000i0", 9, 7), counts);
}

TEST(Rle, TextReadsBackAsTheSameRuns) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint32_t> counts;
    std::uint32_t sum = 0;
    for (int i = 0; i < 1 + round % 17; ++i) {
      counts.push_back(random() % (round % 3 == 0 ? 5 : 100'000));
      sum += counts.back();
    }
    EXPECT_EQ(decode_runs(encode_runs(counts), sum, 1), counts) << "round " << round;
  }
}

TEST(Rle, TextThatIsCutOffOrTooLongOrForeignIsRefused) {
  EXPECT_EQ(decode_runs(";36000i0", 9, 8), std::nullopt);
  EXPECT_EQ(decode_runs(";36000i", 9, 7), std::nullopt);
  EXPECT_EQ(decode_runs("\x01\x02", 9, 7), std::nullopt);
  EXPECT_EQ(decode_runs("oooooooooooooooo", 9, 7), std::nullopt);
  EXPECT_EQ(decode_runs("", 0, 0), std::vector<std::uint32_t>{});
}

TEST(Rle, AreaAndBounds) {
  const RunLengths mask = runs(9, 7, {11, 3, 6, 3, 6, 3, 31});
  EXPECT_EQ(mask_area(mask), 9U);
  EXPECT_EQ(mask_bounds(mask), (Rectangle{1, 2, 3, 3}));
  EXPECT_EQ(mask_bounds(runs(9, 7, {63})), (Rectangle{}));
}

TEST(Rle, ARectangleOfWholePixelsCoversExactlyThem) {
  const RunLengths mask = mask_of_polygons({{1, 2, 1, 5, 4, 5, 4, 2}}, 9, 7);
  EXPECT_EQ(mask.counts, (std::vector<std::uint32_t>{11, 3, 6, 3, 6, 3, 31}));
}

TEST(Rle, WhatReachesBeyondTheImageEndsAtItsEdge) {
  const RunLengths mask = mask_of_polygons({{-50, -50, -50, 50, 50, 50, 50, -50}}, 9, 7);
  EXPECT_EQ(mask_area(mask), 63U);
  EXPECT_TRUE(covers_image(mask));
}

TEST(Rle, UnionAndOverlapAgreeWithPixels) {
  std::mt19937 random(5);
  for (int round = 0; round < 100; ++round) {
    const std::uint32_t height = 3 + random() % 11, width = 2 + random() % 13;
    std::vector<RunLengths> masks;
    std::vector<std::vector<bool>> pixels;
    for (int m = 0; m < 2; ++m) {
      std::vector<bool> bits(height * width);
      for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = i > 0 && random() % 4 != 0 ? bits[i - 1] : random() % 2 == 0;
      std::vector<std::uint32_t> counts{0};
      bool now = false;
      for (const bool bit : bits) {
        if (bit != now) counts.push_back(0);
        now = bit;
        ++counts.back();
      }
      masks.push_back(runs(height, width, counts));
      pixels.push_back(bits);
    }
    std::uint64_t both = 0, any = 0, first = 0;
    for (std::size_t i = 0; i < height * width; ++i) {
      both += pixels[0][i] && pixels[1][i] ? 1 : 0;
      any += pixels[0][i] || pixels[1][i] ? 1 : 0;
      first += pixels[0][i] ? 1 : 0;
    }
    EXPECT_EQ(mask_area(united(masks)), any) << "round " << round;
    EXPECT_TRUE(covers_image(united(masks)));
    const double iou = both == 0 ? 0 : static_cast<double>(both) / static_cast<double>(any);
    EXPECT_DOUBLE_EQ(mask_overlap(masks[0], masks[1], false), iou) << "round " << round;
    const double of_first = both == 0 ? 0 : static_cast<double>(both) / static_cast<double>(first);
    EXPECT_DOUBLE_EQ(mask_overlap(masks[0], masks[1], true), of_first) << "round " << round;
  }
}

}  // namespace
}  // namespace goshawk::dataset
