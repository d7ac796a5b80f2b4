#include "goshawk/track/tracker.h"

#include <gtest/gtest.h>

#include "goshawk/core/error.h"

namespace goshawk::track {
namespace {

Detection at(float x, float y, float score = 0.9F, int class_id = 0) {
  return {{x, y, x + 40, y + 80}, score, class_id, {}};
}

TEST(ByteTrack, FollowsTwoObjectsThatMove) {
  auto tracker = make_tracker(tracker_by_name("bytetrack"));
  for (int frame = 0; frame < 30; ++frame) {
    const Detections detections = {at(10.0F + 4 * frame, 50), at(400.0F - 4 * frame, 60)};
    const std::vector<Track> tracks = tracker->update(detections, {});
    ASSERT_EQ(tracks.size(), 2U) << "frame " << frame;
    EXPECT_EQ(tracks[0].id, 1);
    EXPECT_EQ(tracks[0].detection, 0);
    EXPECT_EQ(tracks[1].id, 2);
    EXPECT_EQ(tracks[1].detection, 1);
    EXPECT_EQ(tracks[0].age, frame);
  }
}

}  // namespace
}  // namespace goshawk::track
