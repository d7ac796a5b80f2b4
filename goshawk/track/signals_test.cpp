#include "goshawk/track/signals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>
#include <random>
#include <sstream>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"

namespace goshawk::track {
namespace {

using ::testing::HasSubstr;

constexpr double kTurn = 2 * std::numbers::pi;

Microseconds second(double seconds) { return Microseconds(std::llround(seconds * 1e6)); }
double seconds(Microseconds time) { return static_cast<double>(time.count()) / 1e6; }

struct Wave {
  double period = 1, amplitude = 50, noise = 0, rate = 30, length = 12;
  bool uneven = false;  // frames at odd times, as in video of variable rate

  /// Up and down around (200, 150).
  std::vector<MotionSample> samples() const {
    std::mt19937 random(99);
    std::normal_distribution<double> shake(0, 1);
    std::uniform_real_distribution<double> jump(0.3, 2.2);
    std::vector<MotionSample> all;
    for (double t = 0; t < length; t += (uneven ? jump(random) : 1) / rate) {
      all.push_back(
          {second(t), 200 + noise * shake(random), 150 - amplitude * std::sin(kTurn * t / period) + noise * shake(random)});
    }
    return all;
  }
};

TEST(SmoothMotion, FindsThePeriodOfANoisyWave) {
  for (const double period : {0.35, 0.8, 1.7, 3.0}) {
    for (const bool uneven : {false, true}) {
      const auto points = smooth_motion(Wave{.period = period, .noise = 5, .uneven = uneven}.samples());
      for (const SignalPoint& p : points) {
        if (seconds(p.time) < 3 || seconds(p.time) > 9) continue;
        ASSERT_NEAR(p.period, period, 0.03 * period) << "at " << seconds(p.time) << (uneven ? " uneven" : "");
      }
    }
  }
}

TEST(SmoothMotion, TakesTheNoiseAwayAndKeepsTheWave) {
  for (const bool uneven : {false, true}) {
    const Wave wave{.period = 2, .amplitude = 60, .noise = 4, .rate = 60, .uneven = uneven};
    const auto samples = wave.samples();
    double before = 0, after = 0;
    const auto points = smooth_motion(samples);
    ASSERT_EQ(points.size(), samples.size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const double truth = 150 - 60 * std::sin(kTurn * seconds(samples[i].time) / 2);
      before += std::pow(samples[i].y - truth, 2);
      after += std::pow(points[i].y - truth, 2);
    }
    EXPECT_LT(after, 0.25 * before);
  }
}

TEST(SmoothMotion, IsExactOnParabolas) {
  std::vector<MotionSample> samples;
  for (const double t : {0.0, 0.03, 0.1, 0.14, 0.17, 0.25, 0.3, 0.31, 0.4, 0.46, 0.5}) {
    samples.push_back({second(t), 10 + 20 * t, 5 - 30 * t + 40 * t * t});
  }
  for (const SignalPoint& p : smooth_motion(samples)) {
    const double t = seconds(p.time);
    EXPECT_NEAR(p.x, 10 + 20 * t, 1e-3);
    EXPECT_NEAR(p.y, 5 - 30 * t + 40 * t * t, 1e-3);
    EXPECT_NEAR(p.vx, 20, 0.05);
    EXPECT_NEAR(p.vy, -30 + 80 * t, 0.05);
    EXPECT_NEAR(p.speed, std::hypot(p.vx, p.vy), 1e-9);
  }
}

TEST(SmoothMotion, PutsUpAtAHundred) {
  const auto points = smooth_motion(Wave{.period = 2}.samples());
  for (const SignalPoint& p : points) {
    const double t = std::fmod(seconds(p.time), 2);
    if (std::abs(t - 0.5) < 0.01) {
      EXPECT_GT(p.position, 97);
    }
    if (std::abs(t - 1.5) < 0.01) {
      EXPECT_LT(p.position, 3);
    }
  }
}

TEST(SmoothMotion, FollowsTheDirectionOfTheMotion) {
  for (const double angle : {0.4, 1.3}) {  // mostly to the right, so right is up; mostly down, so down is low
    std::vector<MotionSample> samples;
    for (int i = 0; i < 300; ++i) {
      const double t = i / 30.0, s = 80 * std::sin(kTurn * t / 1.5);
      samples.push_back({second(t), 300 + s * std::cos(angle), 200 + s * std::sin(angle)});
    }
    const auto points = smooth_motion(samples);
    const double way = angle < 1 ? 50 : -50;
    for (std::size_t i = 7; i + 7 < points.size(); i += 7) {
      EXPECT_NEAR(points[i].position, 50 + way * std::sin(kTurn * seconds(samples[i].time) / 1.5), 1.5) << angle << " " << i;
    }
  }
}

TEST(SmoothMotion, DoesNotSmoothAcrossGaps) {
  std::vector<MotionSample> samples;
  for (int i = 0; i < 30; ++i) samples.push_back({second(i / 30.0), 10, 10});
  for (int i = 0; i < 30; ++i) samples.push_back({second(4 + i / 30.0), 500, 10});
  const auto points = smooth_motion(samples);
  ASSERT_EQ(points.size(), 60U);
  EXPECT_EQ(points[29].segment, 0);
  EXPECT_EQ(points[30].segment, 1);
  EXPECT_NEAR(points[29].x, 10, 1e-6);
  EXPECT_NEAR(points[30].x, 500, 1e-6);
  EXPECT_NEAR(points[30].speed, 0, 1e-3);
}

TEST(SmoothMotion, TakesPoorInput) {
  EXPECT_TRUE(smooth_motion({}).empty());
  const double nan = std::nan("");
  const std::vector<MotionSample> samples = {{second(1), nan, 2}, {second(1), 3, 4}, {second(1), 5, 6}, {second(0.5), 7, 8}};
  const auto points = smooth_motion(samples);
  ASSERT_EQ(points.size(), 1U);
  EXPECT_NEAR(points[0].x, 3, 1e-9);
  EXPECT_EQ(points[0].position, 50);
  EXPECT_EQ(points[0].period, 0);
  const auto still = smooth_motion(Wave{.amplitude = 0}.samples());
  for (const SignalPoint& p : still) {
    EXPECT_EQ(p.position, 50);
    EXPECT_EQ(p.period, 0);
    EXPECT_LT(p.speed, 1e-3);
  }
}

TEST(DominantPeriod, FindsNoneInNoise) {
  std::mt19937 random(5);
  std::normal_distribution<double> shake(0, 1);
  std::vector<double> times, values;
  for (int i = 0; i < 600; ++i) {
    times.push_back(i / 30.0);
    values.push_back(shake(random));
  }
  EXPECT_FALSE(dominant_period(times, values, 0.1, 5));
}

TEST(DominantPeriod, TakesTheFundamentalOfACompoundWave) {
  std::vector<double> times, values;
  for (int i = 0; i < 600; ++i) {
    const double t = i / 30.0;
    times.push_back(t);
    values.push_back(std::sin(kTurn * t / 1.2) + 0.6 * std::sin(kTurn * t / 0.6) + 0.5 * t);
  }
  const auto period = dominant_period(times, values, 0.1, 5);
  ASSERT_TRUE(period);
  EXPECT_NEAR(period->seconds, 1.2, 0.01);
  EXPECT_GT(period->strength, 0.95);
  EXPECT_FALSE(dominant_period(times, values, 2, 2.3));
}

TEST(ScriptActions, TurnAtTheExtremesOfAWave) {
  const auto actions = script_actions(smooth_motion(Wave{.period = 1, .noise = 1, .length = 10}.samples()));
  // Two turns a second, and the two ends.
  ASSERT_NEAR(static_cast<double>(actions.size()), 22, 1);
  for (std::size_t i = 1; i + 1 < actions.size(); ++i) {
    EXPECT_GT(actions[i].at, actions[i - 1].at);
    const bool high = actions[i].position > 50;
    EXPECT_TRUE(high ? actions[i].position > 90 : actions[i].position < 10) << actions[i].position;
    EXPECT_NEAR(std::fmod(actions[i].at / 1000.0, 1.0), high ? 0.25 : 0.75, 0.06);
  }
}

TEST(ScriptActions, LeaveSmallTurnsOut) {
  std::vector<SignalPoint> points;
  for (const double position : {0.0, 40.0, 38.0, 80.0, 78.0, 100.0, 98.0, 100.0, 0.0}) {
    points.push_back({.time = second(0.1 * static_cast<double>(points.size())), .position = position});
  }
  const std::vector<ScriptAction> expected = {{0, 0}, {500, 100}, {800, 0}};
  EXPECT_EQ(script_actions(points), expected);
  EXPECT_TRUE(script_actions({}).empty());
}

class SignalFiles : public ::testing::Test {
 protected:
  std::filesystem::path folder_ = ::testing::TempDir();
};

TEST_F(SignalFiles, AreWhatOtherProgramsRead) {
  const auto points = smooth_motion(Wave{}.samples());
  write_signal_csv(folder_ / "wave.csv", points);
  std::istringstream csv(read_file(folder_ / "wave.csv"));
  std::string line;
  std::getline(csv, line);
  EXPECT_EQ(line, "time,x,y,speed,position,period,segment");
  int rows = 0;
  while (std::getline(csv, line)) ++rows;
  EXPECT_EQ(rows, static_cast<int>(points.size()));

  write_funscript(folder_ / "wave.funscript", script_actions(points));
  const std::string text = read_file(folder_ / "wave.funscript");
  EXPECT_THAT(text, ::testing::StartsWith(R"({"version":"1.0","inverted":false,"range":100,"actions":[{"at":)"));
  const auto script = nlohmann::json::parse(text);
  int before = -1;
  for (const auto& action : script["actions"]) {
    EXPECT_GT(action["at"].get<int>(), before);
    before = action["at"];
    EXPECT_GE(action["pos"].get<int>(), 0);
    EXPECT_LE(action["pos"].get<int>(), 100);
  }
}

TEST_F(SignalFiles, ComeFromTheRecorder) {
  const std::vector<Zone> zones = {parse_polygon("yard:0,0,640,0,640,360,0,360", 1), parse_line("gate:0,5,9,5", 1)};
  ZoneCounter counter(zones, {"thing"}, {640, 360});
  MotionRecorder recorder({parse_signal_target("track:2"), parse_signal_target("zone:yard")}, zones);
  for (int frame = 0; frame < 120; ++frame) {
    const auto y = static_cast<float>(150 + 40 * std::sin(kTurn * frame / 40.0));
    std::vector<Track> tracks = {{1, {100, y, 120, y + 20}, 0.9F, 0, 0, frame}};
    // The second one comes and goes at another place.
    if (frame % 50 < 25) tracks.push_back({2, {500, y + 80, 520, y + 100}, 0.9F, 0, 1, frame});
    counter.update(tracks, second(frame / 30.0));
    recorder.update(tracks, &counter, second(frame / 30.0));
  }
  EXPECT_EQ(recorder.samples(0).size(), 70U);
  ASSERT_EQ(recorder.samples(1).size(), 120U);
  for (std::size_t i = 1; i < 120; ++i) {
    EXPECT_LT(std::abs(recorder.samples(1)[i].y - recorder.samples(1)[i - 1].y), 8) << "the zone's place jumps";
  }
  const auto paths = recorder.write(folder_);
  ASSERT_EQ(paths.size(), 4U);
  EXPECT_EQ(paths[0].filename(), "track-2.csv");
  EXPECT_EQ(paths[3].filename(), "zone-yard.funscript");
  for (const auto& path : paths) EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(SignalFiles, OfZonesWithLikeNamesStandApart) {
  const std::vector<Zone> zones = {parse_polygon("a/b:0,0,300,0,300,360,0,360", 1),
                                   parse_polygon("a_b:300,0,640,0,640,360,300,360", 2)};
  ZoneCounter counter(zones, {"thing"}, {640, 360});
  MotionRecorder recorder(
      {parse_signal_target("zone:a/b"), parse_signal_target("zone:a_b"), parse_signal_target("zone:a_b")}, zones);
  for (int frame = 0; frame < 60; ++frame) {
    const std::vector<Track> tracks = {{1, {100, 100, 120, 120}, 0.9F, 0, 0, frame},
                                       {2, {500, 100, 520, 120}, 0.9F, 0, 1, frame}};
    counter.update(tracks, second(frame / 30.0));
    recorder.update(tracks, &counter, second(frame / 30.0));
  }
  std::vector<std::string> names;
  for (const auto& path : recorder.write(folder_)) names.push_back(path.filename());
  EXPECT_THAT(names, ::testing::ElementsAre("zone-a_b.csv", "zone-a_b.funscript", "zone-a_b_2.csv", "zone-a_b_2.funscript"));
  EXPECT_NE(read_file(folder_ / "zone-a_b.csv"), read_file(folder_ / "zone-a_b_2.csv"));
}

TEST(MotionRecorder, TellsWhatItDidNotKeep) {
  MotionRecorder recorder({parse_signal_target("track:1"), parse_signal_target("track:2")}, {});
  const std::vector<Track> tracks = {{1, {0, 0, 2, 2}, 0.9F, 0, 0, 0}};
  for (int frame = 0; frame < 2'000'000; ++frame) recorder.update(tracks, nullptr, Microseconds(frame));
  EXPECT_TRUE(recorder.cut_off().empty());
  recorder.update(tracks, nullptr, Microseconds(2'000'000));
  EXPECT_EQ(recorder.cut_off(), std::vector<std::string>{"track:1"});
  EXPECT_EQ(recorder.unseen(), std::vector<std::string>{"track:2"});
  EXPECT_EQ(recorder.samples(0).size(), 2'000'000U);
}

TEST(SignalTarget, SaysWhatIsWrong) {
  EXPECT_EQ(parse_signal_target("track:12"), (SignalTarget{12, ""}));
  EXPECT_EQ(parse_signal_target("zone:a b"), (SignalTarget{0, "a b"}));
  for (const char* text : {"", "12", "track:", "track:0", "track:-3", "track:9x", "track:99999999999", "zone:", "car:3"}) {
    EXPECT_THROW(parse_signal_target(text), Error) << text;
  }
  const std::vector<Zone> zones = {parse_polygon("yard:0,0,640,0,640,360,0,360", 1), parse_line("gate:0,5,9,5", 1)};
  const auto message = [&](const char* text) -> std::string {
    try {
      MotionRecorder({parse_signal_target(text)}, zones);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadConfig);
      return error.describe();
    }
    return {};
  };
  EXPECT_THAT(message("zone:yart"), HasSubstr("did you mean 'yard'?"));
  EXPECT_THAT(message("zone:gate"), HasSubstr("no polygon zone"));
}

}  // namespace
}  // namespace goshawk::track
