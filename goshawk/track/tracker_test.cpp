#include "goshawk/track/tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <opencv2/imgproc.hpp>
#include <set>

#include "goshawk/core/error.h"

namespace goshawk::track {
namespace {

Detection at(float x, float y, float score = 0.9F, int class_id = 0, float w = 40, float h = 80) {
  return {{x, y, x + w, y + h}, score, class_id, {}};
}

/// What every tracker must hold, whatever it sees.
void expect_sound(const std::vector<Track>& tracks, std::size_t detections) {
  std::set<int> used;
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    const Track& track = tracks[i];
    EXPECT_GT(track.id, i == 0 ? 0 : tracks[i - 1].id) << "by id";
    EXPECT_LT(track.detection, static_cast<int>(detections));
    if (track.detection >= 0) {
      EXPECT_TRUE(used.insert(track.detection).second) << "one detection for two tracks";
    }
    EXPECT_TRUE(std::isfinite(track.box.x1) && std::isfinite(track.box.y2));
    EXPECT_GE(track.age, 0);
  }
}

class AnyTracker : public ::testing::TestWithParam<const char*> {
 protected:
  std::vector<Track> update(const Detections& detections) {
    std::vector<Track> tracks = tracker_->update(detections, {});
    expect_sound(tracks, detections.size());
    return tracks;
  }
  bool keeps_lost_tracks() const { return std::string(GetParam()) != "sort"; }

  TrackerOptions options_ = tracker_by_name(GetParam());
  std::unique_ptr<Tracker> tracker_ = make_tracker(options_);
};

INSTANTIATE_TEST_SUITE_P(, AnyTracker, ::testing::Values("sort", "bytetrack", "ocsort", "botsort"),
                         [](const auto& instance) { return std::string(instance.param); });

TEST_P(AnyTracker, KeepsIdentitiesOfObjectsThatCross) {
  std::map<int, std::set<int>> identities;  // by object
  for (int frame = 0; frame < 60; ++frame) {
    const auto f = static_cast<float>(frame);
    // The order of the detections changes; the objects pass each other at some distance, with different speeds.
    Detections detections = {at(10 + 6 * f, 50 + f), at(370 - 6 * f, 90), at(180, 300 - 4 * f)};
    std::vector<int> object = {0, 1, 2};
    if (frame % 2) {
      std::swap(detections[0], detections[2]);
      std::swap(object[0], object[2]);
    }
    for (const Track& track : update(detections)) {
      ASSERT_GE(track.detection, 0);
      identities[object[track.detection]].insert(track.id);
    }
  }
  ASSERT_EQ(identities.size(), 3U);
  for (const auto& [object, ids] : identities) EXPECT_EQ(ids.size(), 1U) << "object " << object;
}

TEST_P(AnyTracker, FindsAnObjectAgainAfterAnOcclusion) {
  int before = 0, after = 0;
  for (int frame = 0; frame < 40; ++frame) {
    const bool hidden = frame >= 15 && frame < 25;
    const auto tracks = update(hidden ? Detections{} : Detections{at(10.0F + 3.0F * static_cast<float>(frame), 50)});
    if (hidden) {
      EXPECT_TRUE(tracks.empty());
    }
    if (frame == 14) before = tracks.at(0).id;
    if (frame == 39) after = tracks.at(0).id;
  }
  EXPECT_EQ(before == after, keeps_lost_tracks());
}

TEST_P(AnyTracker, NeverUsesAnIdentityAgain) {
  std::set<int> ended, current;
  for (int object = 0; object < 40; ++object) {
    current.clear();
    for (int frame = 0; frame < 5; ++frame) {
      for (const Track& track : update({at(static_cast<float>(object % 7) * 200, static_cast<float>(object % 3) * 300)})) {
        EXPECT_FALSE(ended.contains(track.id));
        current.insert(track.id);
      }
    }
    ended.insert(current.begin(), current.end());
    for (int frame = 0; frame < 40; ++frame) EXPECT_TRUE(update({}).empty());
  }
  // Numbers are given when a track is reported first, so there are no gaps.
  ASSERT_FALSE(ended.empty());
  EXPECT_EQ(*ended.begin(), 1);
  EXPECT_EQ(*ended.rbegin(), static_cast<int>(ended.size()));
}

TEST_P(AnyTracker, KeepsClassesApart) {
  std::map<int, std::set<int>> classes_of;
  for (int frame = 0; frame < 20; ++frame) {
    const auto x = static_cast<float>(10 + 4 * frame);
    for (const Track& track : update({at(x, 50, 0.9F, 3), at(x + 2, 51, 0.8F, 7)})) {
      classes_of[track.id].insert(track.class_id);
    }
  }
  EXPECT_EQ(classes_of.size(), 2U);
  for (const auto& [id, classes] : classes_of) EXPECT_EQ(classes.size(), 1U) << "track " << id;
}

TEST_P(AnyTracker, FollowsAnObjectWhoseClassChangesWhenAsked) {
  options_.class_aware = false;
  tracker_ = make_tracker(options_);
  std::set<int> ids, classes;
  for (int frame = 0; frame < 20; ++frame) {
    for (const Track& track : update({at(static_cast<float>(10 + 4 * frame), 50, 0.9F, frame / 10)})) {
      ids.insert(track.id);
      classes.insert(track.class_id);
    }
  }
  EXPECT_EQ(ids.size(), 1U);
  EXPECT_EQ(classes.size(), 2U);
}

TEST_P(AnyTracker, IsNotDisturbedByObjectsOfOtherClasses) {
  const auto alone = make_tracker(options_);
  for (int frame = 0; frame < 50; ++frame) {
    const auto f = static_cast<float>(frame);
    Detections detections;
    if (frame % 11 != 5) detections.push_back(at(10 + 5 * f, 60, 0.9F));
    if (frame % 13 != 3) detections.push_back(at(60 + 4 * f, 70, 0.8F));
    const auto expected = alone->update(detections, {});
    for (int i = 0; i < 10; ++i) detections.push_back(at(10 + 5 * f + static_cast<float>(7 * i), 60, 0.95F, 5));
    std::vector<Track> tracks = update(detections);
    std::erase_if(tracks, [](const Track& track) { return track.class_id != 0; });
    ASSERT_EQ(tracks.size(), expected.size()) << "frame " << frame;
    for (std::size_t i = 0; i < tracks.size(); ++i) EXPECT_EQ(tracks[i].box, expected[i].box);
  }
}

TEST_P(AnyTracker, TakesFramesWithoutDetections) {
  for (int frame = 0; frame < 5; ++frame) {
    EXPECT_TRUE(update({}).empty());
    EXPECT_TRUE(tracker_->predict().empty());
  }
  for (int frame = 0; frame < 10; ++frame) update({at(10, 10)});
  EXPECT_EQ(update({at(10, 10)}).size(), 1U);
}

TEST_P(AnyTracker, TakesAThousandDetections) {
  const auto start = std::chrono::steady_clock::now();
  for (int frame = 0; frame < 8; ++frame) {
    Detections detections;
    for (int i = 0; i < 1000; ++i) {
      const auto column = static_cast<float>(i % 40), row = static_cast<float>(i / 40);
      detections.push_back(at(column * 30 + 2.0F * static_cast<float>(frame), row * 60));
    }
    const auto tracks = update(detections);
    if (frame == 7) {
      EXPECT_EQ(tracks.size(), 1000U);
    }
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST_P(AnyTracker, IgnoresBoxesThatAreNone) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (int frame = 0; frame < 10; ++frame) {
    Detections detections = {
        at(nan, 10), at(10, infinity),        at(10, 10, nan), at(50, 50, 0.9F, 0, 0, 0), at(50, 50, 0.9F, 0, -10, 20),
        at(300, 40), at(-infinity, -infinity)};
    const auto tracks = update(detections);
    for (const Track& track : tracks) EXPECT_EQ(track.detection, 5);
    if (frame == 9) {
      EXPECT_EQ(tracks.size(), 1U);
    }
  }
}

TEST_P(AnyTracker, SurvivesHugeAndTinyBoxes) {
  for (int frame = 0; frame < 20; ++frame) {
    update({at(-1e30F, -1e30F, 0.9F, 0, 2e30F, 2e30F), at(-4e8F, -4e8F, 0.9F, 0, 8e8F, 8e8F),
            at(0, 0, 0.9F, 0, 1e-30F, 1e-30F), at(1e18F, 5, 0.9F, 0, 1e12F, 1e-3F),
            at(3.0F + static_cast<float>(frame), 5, 0.9F, 0, 1e-3F, 1e7F)});
    tracker_->predict();
  }
}

TEST_P(AnyTracker, PredictsAlongTheWayOnSkippedFrames) {
  // Detections in every third frame only.
  for (int frame = 0; frame < 60; ++frame) {
    const float x = 10 + 4 * static_cast<float>(frame);
    if (frame % 3 == 0) {
      const auto tracks = update({at(x, 50)});
      if (frame >= 12) {
        ASSERT_EQ(tracks.size(), 1U) << "frame " << frame;
      }
      continue;
    }
    const auto tracks = tracker_->predict();
    if (frame < 30) continue;
    ASSERT_EQ(tracks.size(), 1U) << "frame " << frame;
    EXPECT_EQ(tracks[0].id, 1);
    EXPECT_EQ(tracks[0].detection, -1);
    EXPECT_NEAR(tracks[0].box.x1, x, 2.5);
    EXPECT_EQ(tracks[0].age, frame);
  }
}

TEST_P(AnyTracker, PredictionsDoNotAge) {
  for (int frame = 0; frame < 10; ++frame) update({at(100, 100)});
  for (int frame = 0; frame < 200; ++frame) ASSERT_EQ(tracker_->predict().size(), 1U);
  const auto tracks = update({at(100, 100)});
  ASSERT_EQ(tracks.size(), 1U);
  EXPECT_EQ(tracks[0].id, 1);
  EXPECT_EQ(tracks[0].detection, 0);
}

TEST_P(AnyTracker, GivesTheSameAnswersAgain) {
  const auto second = make_tracker(options_);
  for (int frame = 0; frame < 30; ++frame) {
    Detections detections;
    for (int i = 0; i < 12; ++i) {
      detections.push_back(at(static_cast<float>((i * 53 + frame * (i % 5)) % 400), static_cast<float>(i * 31 % 200),
                              0.3F + 0.05F * static_cast<float>((i + frame) % 14), i % 2));
    }
    EXPECT_EQ(update(detections), second->update(detections, {}));
  }
}

TEST(ByteTrack, KeepsATrackThroughLowScores) {
  const auto tracker = make_tracker(tracker_by_name("bytetrack"));
  for (int frame = 0; frame < 30; ++frame) {
    const auto tracks =
        tracker->update(Detections{at(static_cast<float>(10 + 3 * frame), 50, frame < 10 ? 0.9F : 0.2F)}, {});
    ASSERT_EQ(tracks.size(), 1U) << "frame " << frame;
    EXPECT_EQ(tracks[0].id, 1);
    EXPECT_FLOAT_EQ(tracks[0].score, frame < 10 ? 0.9F : 0.2F);
  }
}

TEST(ByteTrack, DoesNotBeginTracksWithLowScores) {
  const auto tracker = make_tracker(tracker_by_name("bytetrack"));
  for (int frame = 0; frame < 30; ++frame) EXPECT_TRUE(tracker->update(Detections{at(10, 50, 0.55F)}, {}).empty());
}

TEST(ByteTrack, KeepsLostTracksAsLongInSecondsAtAnyFrameRate) {
  for (const double rate : {10.0, 30.0, 60.0}) {
    TrackerOptions options = tracker_by_name("bytetrack");
    options.frame_rate = rate;
    for (const auto& [seconds, found] : {std::pair{0.8, true}, std::pair{1.4, false}}) {
      const auto tracker = make_tracker(options);
      for (int frame = 0; frame < 10; ++frame) tracker->update(Detections{at(100, 50)}, {});
      for (int frame = 0; frame < static_cast<int>(seconds * rate); ++frame) tracker->update({}, {});
      tracker->update(Detections{at(100, 50)}, {});
      const auto tracks = tracker->update(Detections{at(100, 50)}, {});
      ASSERT_EQ(tracks.size(), 1U);
      EXPECT_EQ(tracks[0].id == 1, found) << rate << " frames a second, away for " << seconds << " s";
    }
  }
}

TEST(Sort, ReportsANewTrackAfterThreeDetectionsInARow) {
  const auto tracker = make_tracker(tracker_by_name("sort"));
  for (int frame = 0; frame < 10; ++frame) tracker->update({}, {});
  for (int frame = 0; frame < 6; ++frame) {
    EXPECT_EQ(tracker->update(Detections{at(100, 50)}, {}).size(), frame < 3 ? 0U : 1U) << "frame " << frame;
  }
}

TEST(OcSort, RecoversAnObjectThatStoppedWhileHidden) {
  const auto tracker = make_tracker(tracker_by_name("ocsort"));
  int id = 0;
  for (int frame = 0; frame < 15; ++frame) {
    const auto tracks = tracker->update(Detections{at(static_cast<float>(10 + 12 * frame), 50)}, {});
    if (frame == 14) id = tracks.at(0).id;
  }
  for (int frame = 0; frame < 20; ++frame) tracker->update({}, {});
  // By its speed it would be 240 pixels further; it is where it was seen last.
  std::vector<Track> tracks;
  for (int frame = 0; frame < 4; ++frame) tracks = tracker->update(Detections{at(10 + 12 * 14, 50)}, {});
  ASSERT_EQ(tracks.size(), 1U);
  EXPECT_EQ(tracks[0].id, id);
}

std::vector<float> look(float angle) { return {std::cos(angle), std::sin(angle)}; }

TEST(BotSort, AppearanceDecidesBetweenNearBoxes) {
  for (const bool with_appearance : {true, false}) {
    const auto tracker = make_tracker(tracker_by_name("botsort"));
    const auto seen = [&](float x, float angle) {
      Detection detection = at(x, 50, 0.95F);
      if (with_appearance) detection.embedding = look(angle);
      return detection;
    };
    for (int frame = 0; frame < 10; ++frame) tracker->update(Detections{seen(100, 0), seen(112, 1.5F)}, {});
    // They change places.
    const auto tracks = tracker->update(Detections{seen(112, 0), seen(100, 1.5F)}, {});
    ASSERT_EQ(tracks.size(), 2U);
    EXPECT_EQ(tracks[0].detection, with_appearance ? 0 : 1);
  }
}

TEST(BotSort, IgnoresAppearancesThatDoNotFit) {
  const auto tracker = make_tracker(tracker_by_name("botsort"));
  for (int frame = 0; frame < 10; ++frame) {
    Detection detection = at(100, 50);
    if (frame % 3 == 1) detection.embedding = {std::numeric_limits<float>::quiet_NaN(), 1};
    if (frame % 3 == 2) detection.embedding = std::vector<float>(frame, 0.0F);
    EXPECT_EQ(tracker->update(Detections{detection}, {}).size(), 1U);
  }
}

/// Random patterns of several sizes, as pictures have them.
cv::Mat landscape(int width, int height) {
  cv::RNG random(7);
  cv::Mat sum = cv::Mat::zeros(height, width, CV_32FC3);
  for (const double size : {2.0, 8.0, 25.0}) {
    cv::Mat layer(height, width, CV_32FC3);
    random.fill(layer, cv::RNG::UNIFORM, -1, 1);
    cv::GaussianBlur(layer, layer, {}, size);
    sum += layer * size;
  }
  cv::Mat image;
  cv::normalize(sum, sum, 0, 255, cv::NORM_MINMAX);
  sum.convertTo(image, CV_8UC3);
  return image;
}

TEST(BotSort, FollowsACameraThatSwings) {
  const cv::Mat big = landscape(1600, 500);
  for (const bool follow : {true, false}) {
    TrackerOptions options = tracker_by_name("botsort");
    std::get<BotSortOptions>(options.algorithm).camera_motion = follow;
    const auto tracker = make_tracker(options);
    std::set<int> ids;
    for (int frame = 0; frame < 24; ++frame) {
      const int left = 200 + (frame / 4 % 2 ? 30 : -30) * (frame % 4) + (frame / 4 % 2 ? -90 : 0);
      const cv::Mat view = big(cv::Rect(left, 50, 320, 240));
      for (const Track& track :
           tracker->update(Detections{at(static_cast<float>(330 - left), 100, 0.95F, 0, 24, 48)}, view)) {
        ids.insert(track.id);
      }
    }
    EXPECT_EQ(ids.size() == 1, follow) << ids.size() << " identities";
  }
}

}  // namespace
}  // namespace goshawk::track
