// Our line against supervision's LineZone: the same objects cross it in the same frames in the same direction.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "goshawk/track/zones.h"

namespace goshawk::track {
namespace {

namespace fs = std::filesystem;

fs::path oracle_python() {
  const char* const given = std::getenv("GOSHAWK_ORACLE_PYTHON");
  return given ? given : GOSHAWK_ORACLE_PYTHON;
}

/// Objects that wander about, bounce off the walls and shake.
std::vector<std::vector<Track>> wander(std::mt19937& random) {
  std::uniform_real_distribution<float> unit(0, 1), shake(-6, 6);
  struct Walker {
    float x, y, dx, dy, side;
  };
  std::vector<Walker> walkers;
  for (int i = 0; i < 30; ++i) {
    walkers.push_back(
        {600 * unit(random), 340 * unit(random), 16 * unit(random) - 8, 16 * unit(random) - 8, 10 + 40 * unit(random)});
  }
  std::vector<std::vector<Track>> frames(600);
  for (std::vector<Track>& frame : frames) {
    for (std::size_t i = 0; i < walkers.size(); ++i) {
      Walker& w = walkers[i];
      w.x += w.dx;
      w.y += w.dy;
      if (w.x < 0 || w.x > 600) w.dx = -w.dx;
      if (w.y < 0 || w.y > 340) w.dy = -w.dy;
      const float x = w.x + shake(random), y = w.y + shake(random);
      frame.push_back({static_cast<int>(i) + 1, {x, y, x + w.side, y + w.side}, 0.9F, 0, 0, 0});
    }
  }
  return frames;
}

class LineZoneReference : public ::testing::TestWithParam<std::tuple<std::string, int>> {
 protected:
  void SetUp() override {
    if (!fs::exists(oracle_python())) GTEST_SKIP() << "no oracles at " << oracle_python();
  }
};

TEST_P(LineZoneReference, CountsTheSameCrossings) {
  const auto& [line, held] = GetParam();
  std::mt19937 random(20260102);
  const auto frames = wander(random);
  const fs::path path = fs::temp_directory_path() / ("goshawk_walk_" + std::to_string(getpid()) + ".csv");
  std::ofstream out(path);
  out.precision(9);
  Zone zone = parse_line(line, 1);
  zone.frames = held;
  ZoneCounter counter({zone}, {"thing"}, {640, 360});
  std::vector<std::string> ours, theirs;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    for (const Track& track : frames[i]) {
      out << i << ',' << track.id << ',' << track.box.x1 << ',' << track.box.y1 << ',' << track.box.x2 << ',' << track.box.y2
          << '\n';
    }
    for (const ZoneEvent& event : counter.update(frames[i], Microseconds(i * 40'000))) {
      ours.push_back(std::to_string(i) + "," + std::to_string(event.track_id) + "," + std::string(name(event.kind)));
    }
  }
  out.close();
  const std::string command = "'" + oracle_python().string() +
                              "' '" GOSHAWK_SOURCE_DIR "/tests/oracles/line_zone_reference.py' '" + path.string() + "' " +
                              line + " " + std::to_string(held);
  std::FILE* const pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::array<char, 256> text{};
  while (std::fgets(text.data(), static_cast<int>(text.size()), pipe)) {
    theirs.emplace_back(text.data());
    theirs.back().pop_back();
  }
  EXPECT_EQ(pclose(pipe), 0) << command;
  fs::remove(path);
  EXPECT_GT(theirs.size(), 20U);
  EXPECT_THAT(ours, ::testing::UnorderedElementsAreArray(theirs));
}

INSTANTIATE_TEST_SUITE_P(Lines, LineZoneReference,
                         ::testing::Combine(::testing::Values("50,180,600,180", "600,180,50,180", "320,0,320,360",
                                                              "100,300,500,60"),
                                            ::testing::Values(1, 2, 4)));

}  // namespace
}  // namespace goshawk::track
