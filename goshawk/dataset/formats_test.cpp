#include "goshawk/dataset/formats.h"

#include <gtest/gtest.h>

namespace goshawk::dataset {
namespace {

TEST(Formats, HaveNamesThatLeadBackToThem) {
  for (const Format format :
       {Format::kYolo, Format::kCoco, Format::kVoc, Format::kCvat, Format::kCvatYolo, Format::kLabelImg, Format::kMot}) {
    EXPECT_EQ(format_of(name(format)), format) << name(format);
  }
  EXPECT_EQ(format_of("darknet"), std::nullopt);
}

}  // namespace
}  // namespace goshawk::dataset
