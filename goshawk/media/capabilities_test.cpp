#include "goshawk/media/capabilities.h"

#include <gmock/gmock.h>

namespace goshawk::media {
namespace {

TEST(Capabilities, NamesAnEncoderThatStartsAndIsInTheBuild) {
  const auto found = capabilities();
  EXPECT_FALSE(found.version.empty());
  EXPECT_THAT(found.encoders, testing::Contains(found.encoder));
}

TEST(Capabilities, EveryBuildOfFfmpegReadsTheOldCodecs) {
  EXPECT_THAT(capabilities().decoders, testing::IsSupersetOf({"mpeg4", "mjpeg"}));
}

}  // namespace
}  // namespace goshawk::media
