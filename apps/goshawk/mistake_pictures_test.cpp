#include "apps/goshawk/mistake_pictures.h"

#include <gtest/gtest.h>

namespace goshawk::cli {
namespace {

TEST(MistakePictures, ALabelNamesTheRightClassWhereItIsWrong) {
  dataset::Dataset truth;
  truth.categories = {{1, "bus"}, {2, "truck"}};
  const std::vector<evaluate::TrueObject> objects{{{0, 0, 9, 9}, 1}};
  const Detections detections{{{0, 0, 9, 9}, 0.64F, 0, {}}};
  const auto label = [&](evaluate::DetectionError error) { return mistake_label(truth, objects, detections, error); };
  using enum evaluate::ErrorKind;
  EXPECT_EQ(label({kWrongClass, 0, 0}), "bus 0.64, is truck");
  EXPECT_EQ(label({kBackground, 0, -1}), "bus 0.64");
  EXPECT_EQ(label({kMissed, -1, 0}), "truck");
}

}  // namespace
}  // namespace goshawk::cli
