#include "goshawk/optimize/int8.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "goshawk/core/error.h"

namespace goshawk::optimize {
namespace {

TEST(Material, NoPictureIsBothSeenAndJudged) {
  dataset::Dataset set;
  set.root = "/data";
  set.categories.push_back({.id = 0, .name = "a"});
  for (std::uint32_t i = 0; i < 31; ++i) {
    dataset::ImageEntry image;
    image.file = std::to_string(i) + ".jpg";
    set.images.push_back(image);
    dataset::Annotation annotation;
    annotation.image = i;
    annotation.rectangle = {1, 1, 5, 5};
    set.annotations.push_back(annotation);
  }
  const auto halves = material_of(set, 0, 0);
  EXPECT_EQ(halves.calibration.size(), 16U);
  ASSERT_TRUE(halves.evaluation);
  EXPECT_EQ(halves.evaluation->images.size(), 15U);
  for (const auto& image : halves.evaluation->images) {
    EXPECT_EQ(std::count(halves.calibration.begin(), halves.calibration.end(), set.root / image.file), 0) << image.file;
  }
  for (std::size_t i = 0; i < 31; ++i) set.images[i].split = i < 20 ? dataset::Split::kTrain : dataset::Split::kVal;
  const auto splits = material_of(set, 8, 0);
  EXPECT_EQ(splits.calibration.size(), 8U);
  EXPECT_EQ(splits.evaluation->images.size(), 11U);
}

/// `train: images`, `val: images/val`: what val has, train has as well.
TEST(Material, AFileInBothSplitsIsJudgedAndNotSeen) {
  dataset::Dataset set;
  set.root = "/data";
  set.categories.push_back({.id = 0, .name = "a"});
  const auto add = [&](const std::string& file, dataset::Split split) {
    dataset::ImageEntry image;
    image.file = file;
    image.split = split;
    dataset::Annotation annotation;
    annotation.image = static_cast<std::uint32_t>(set.images.size());
    annotation.rectangle = {1, 1, 5, 5};
    set.images.push_back(image);
    set.annotations.push_back(annotation);
  };
  for (const auto* file : {"images/a.jpg", "images/b.jpg", "images/val/c.jpg", "images/val/d.jpg"})
    add(file, dataset::Split::kTrain);
  for (const auto* file : {"images/val/c.jpg", "images/val/d.jpg"}) add(file, dataset::Split::kVal);
  const auto material = material_of(set, 0, 0);
  EXPECT_THAT(material.calibration, ::testing::ElementsAre("/data/images/a.jpg", "/data/images/b.jpg"));
  EXPECT_EQ(material.evaluation->images.size(), 2U);
  // All of both: halves, and no file in both of them.
  set.images.erase(set.images.begin(), set.images.begin() + 2);
  set.annotations.erase(set.annotations.begin(), set.annotations.begin() + 2);
  for (auto& annotation : set.annotations) annotation.image -= 2;
  const auto halves = material_of(set, 0, 0);
  ASSERT_EQ(halves.calibration.size(), 1U);
  ASSERT_EQ(halves.evaluation->images.size(), 1U);
  EXPECT_NE(halves.calibration[0], set.root / halves.evaluation->images[0].file);
}

}  // namespace
}  // namespace goshawk::optimize
