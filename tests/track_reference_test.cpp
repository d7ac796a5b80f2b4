// Our trackers against the published ones: the same objects get the same identities, in the same boxes, in every frame.
// tests/oracles/track_reference.py says which packages are the references.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "goshawk/track/testing.h"
#include "goshawk/track/tracker.h"

namespace goshawk::track {
namespace {

namespace fs = std::filesystem;

struct Reported {
  int id = 0;
  std::array<double, 4> box{};
};
using Frames = std::map<int, std::vector<Reported>>;

/// The Python that has the reference of `tracker`; Ultralytics comes with the peers.
fs::path python_of(const std::string& tracker) {
  if (tracker.ends_with("-ultralytics")) return GOSHAWK_PEERS_PYTHON;
  const char* const given = std::getenv("GOSHAWK_ORACLE_PYTHON");
  return given ? given : GOSHAWK_ORACLE_PYTHON;
}

Frames run_reference(const std::string& tracker, const fs::path& detections, std::size_t frame_count) {
  const std::string command = "'" + python_of(tracker).string() +
                              "' '" GOSHAWK_SOURCE_DIR "/tests/oracles/track_reference.py' " + tracker + " '" +
                              detections.string() + "' " + std::to_string(frame_count);
  Frames frames;
  std::FILE* const pipe = popen(command.c_str(), "r");
  if (!pipe) return frames;
  std::array<char, 512> line{};
  while (std::fgets(line.data(), static_cast<int>(line.size()), pipe)) {
    int frame = 0;
    Reported reported;
    auto& [x1, y1, x2, y2] = reported.box;
    const int read = std::sscanf(line.data(), "%d,%d,%lf,%lf,%lf,%lf", &frame, &reported.id, &x1, &y1, &x2, &y2);
    EXPECT_EQ(read, 6) << line.data();
    frames[frame].push_back(reported);
  }
  EXPECT_EQ(pclose(pipe), 0) << command;
  return frames;
}

Frames run_ours(const std::string& name, const std::vector<Detections>& detections) {
  TrackerOptions options = tracker_by_name(name.substr(0, name.find('-')));
  if (auto* ocsort = std::get_if<OcSortOptions>(&options.algorithm)) ocsort->use_byte = name == "ocsort-byte";
  const auto tracker = make_tracker(options);
  Frames frames;
  for (std::size_t i = 0; i < detections.size(); ++i) {
    for (const Track& track : tracker->update(detections[i], {})) {
      frames[static_cast<int>(i) + 1].push_back({track.id, {track.box.x1, track.box.y1, track.box.x2, track.box.y2}});
    }
  }
  return frames;
}

double difference(const Reported& a, const Reported& b) {
  double largest = 0;
  for (int k = 0; k < 4; ++k) largest = std::max(largest, std::abs(a.box[k] - b.box[k]));
  return largest;
}

/// Identities may be numbered differently, but one of ours is always the same one of theirs.
void expect_same(const Frames& ours, const Frames& theirs, std::size_t frame_count) {
  std::map<int, int> theirs_of, ours_of;
  std::size_t reported = 0;
  for (int frame = 1; frame <= static_cast<int>(frame_count); ++frame) {
    static const std::vector<Reported> kNone;
    const auto& a = ours.contains(frame) ? ours.at(frame) : kNone;
    const auto& b = theirs.contains(frame) ? theirs.at(frame) : kNone;
    ASSERT_EQ(a.size(), b.size()) << "tracks in frame " << frame;
    std::vector<char> used(b.size(), 0);
    for (const Reported& track : a) {
      std::size_t best = b.size();
      for (std::size_t k = 0; k < b.size(); ++k) {
        const bool same_identity =
            theirs_of.contains(track.id) ? theirs_of[track.id] == b[k].id : !ours_of.contains(b[k].id);
        if (!used[k] && same_identity && (best == b.size() || difference(track, b[k]) < difference(track, b[best])))
          best = k;
      }
      ASSERT_LT(best, b.size()) << "our track " << track.id << " in frame " << frame;
      ASSERT_LT(difference(track, b[best]), 0.01) << "our track " << track.id << " in frame " << frame;
      used[best] = 1;
      theirs_of[track.id] = b[best].id;
      ours_of[b[best].id] = track.id;
      ++reported;
    }
  }
  EXPECT_GT(reported, 50U);
  ::testing::Test::RecordProperty("reported", static_cast<int>(reported));
  ::testing::Test::RecordProperty("identities", static_cast<int>(theirs_of.size()));
  std::printf("             %zu boxes of %zu identities agree\n", reported, theirs_of.size());
}

class TrackReference : public ::testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  void SetUp() override {
    const fs::path python = python_of(tracker());
    if (!fs::exists(python)) GTEST_SKIP() << "no " << python << ": run tools/setup --oracles, or --peers";
    if (!fs::exists(detections())) GTEST_SKIP() << "needs " << detections();
  }
  static std::string tracker() { return std::get<0>(GetParam()); }
  static fs::path detections() { return fs::path(GOSHAWK_SHARED_DATA) / "mot" / std::get<1>(GetParam()) / "det.txt"; }
};

TEST_P(TrackReference, GivesTheSameIdentities) {
  const std::vector<Detections> frames = testing::read_mot_detections(detections());
  expect_same(run_ours(tracker(), frames), run_reference(tracker(), detections(), frames.size()), frames.size());
}

// Scores all over the range, boxes that jump and detections that are missing for a while: this reaches the second
// association, lost tracks that come back, and tracks that are dropped.
TEST_P(TrackReference, GivesTheSameIdentitiesWithPoorDetections) {
  std::mt19937 random(20260101);
  std::uniform_real_distribution<float> unit(0, 1), shift(-0.04F, 0.04F);
  const fs::path path = fs::temp_directory_path() / ("goshawk_poor_" + std::to_string(getpid()) + ".txt");
  std::ofstream out(path);
  out.precision(9);
  std::size_t frame = 0;
  for (const Detections& detections : testing::read_mot_detections(detections())) {
    ++frame;
    if (frame % 50 >= 46) continue;
    for (const Detection& detection : detections) {
      const float w = detection.box.width(), h = detection.box.height();
      if (unit(random) < 0.2F) continue;
      out << frame << ",-1," << detection.box.x1 + shift(random) * w << ',' << detection.box.y1 + shift(random) * h << ','
          << w * (1 + shift(random)) << ',' << h * (1 + shift(random)) << ',' << std::sqrt(unit(random)) << '\n';
    }
  }
  out.close();
  const std::vector<Detections> frames = testing::read_mot_detections(path);
  expect_same(run_ours(tracker(), frames), run_reference(tracker(), path, frames.size()), frames.size());
  fs::remove(path);
}

INSTANTIATE_TEST_SUITE_P(Mot, TrackReference,
                         ::testing::Combine(::testing::Values("sort", "bytetrack", "ocsort", "ocsort-byte", "botsort",
                                                              "botsort-ultralytics"),
                                            ::testing::Values("TUD-Campus", "TUD-Stadtmitte", "MOT16-02", "MOT20-01")),
                         [](const auto& instance) {
                           std::string name = std::get<0>(instance.param) + "_" + std::get<1>(instance.param);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace goshawk::track
