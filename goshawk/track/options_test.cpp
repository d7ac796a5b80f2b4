#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "goshawk/core/error.h"
#include "goshawk/track/tracker.h"

namespace goshawk::track {
namespace {

using ::testing::HasSubstr;

std::string error_of(const std::string& text) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "tracker.yaml";
  std::ofstream(path) << text;
  try {
    read_tracker_options(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadConfig);
    return error.describe();
  }
  ADD_FAILURE() << "no error for " << text;
  return {};
}

TEST(TrackerOptions, ShippedFilesHoldThePublishedDefaults) {
  for (const char* name : {"bytetrack", "sort", "ocsort", "botsort"}) {
    const auto path = std::filesystem::path(GOSHAWK_SOURCE_DIR) / "configs/trackers" / (std::string(name) + ".yaml");
    const TrackerOptions read = read_tracker_options(path), built_in = tracker_by_name(name);
    EXPECT_EQ(track::name(read), name);
    EXPECT_EQ(read, built_in) << name;
  }
}

TEST(TrackerOptions, AFileChangesWhatItNames) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "mine.yaml";
  std::ofstream(path) << "tracker: ocsort\nmax_age: 90\nuse_byte: true\nclass_aware: false\n";
  const TrackerOptions options = read_tracker_options(path);
  const auto& ocsort = std::get<OcSortOptions>(options.algorithm);
  EXPECT_EQ(ocsort.max_age, 90);
  EXPECT_TRUE(ocsort.use_byte);
  EXPECT_EQ(ocsort.delta_t, 3);
  EXPECT_FALSE(options.class_aware);
}

TEST(TrackerOptions, ErrorsNameTheField) {
  EXPECT_THAT(error_of("max_age: 3"), HasSubstr("tracker.yaml: tracker"));
  EXPECT_THAT(error_of("tracker_type: bytetrack\ntrack_high_thresh: 0.25"), HasSubstr("track_high_thresh high_threshold"));
  EXPECT_THAT(error_of("tracker: bytetrak"), HasSubstr("did you mean 'bytetrack'?"));
  EXPECT_THAT(error_of("tracker: sort\nmaxage: 3"), HasSubstr("did you mean 'max_age'?"));
  EXPECT_THAT(error_of("tracker: sort\nhigh_threshold: 0.5"), HasSubstr("high_threshold"));
  EXPECT_THAT(error_of("tracker: sort\niou_threshold: 1.5"), HasSubstr("from 0 to 1"));
  EXPECT_THAT(error_of("tracker: sort\niou_threshold: .nan"), HasSubstr("iou_threshold"));
  EXPECT_THAT(error_of("tracker: sort\nmax_age: 2.5"), HasSubstr("integer"));
  EXPECT_THAT(error_of("tracker: sort\nmax_age: 99999999999"), HasSubstr("max_age"));
  EXPECT_THAT(error_of("tracker: botsort\ncamera_motion: 1"), HasSubstr("true or false"));
  EXPECT_THAT(error_of("tracker: bytetrack\nlow_threshold: 0.9"), HasSubstr("above high_threshold"));
  EXPECT_THAT(error_of("- 1"), HasSubstr("a map"));
}

TEST(TrackerByName, SuggestsTheNameThatWasMeant) {
  try {
    tracker_by_name("botsrt");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_THAT(error.describe(), HasSubstr("did you mean 'botsort'?"));
  }
}

}  // namespace
}  // namespace goshawk::track
