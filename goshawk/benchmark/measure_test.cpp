#include "goshawk/benchmark/measure.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <numeric>
#include <thread>

#include "goshawk/core/testing.h"

namespace goshawk::benchmark {
namespace {

using namespace std::chrono_literals;

/// Computes for this long.
Contestant busy(const std::string& name, Clock::duration time) {
  Contestant contestant;
  contestant.name = name;
  contestant.call = [time](std::size_t) {
    const auto start = Clock::now();
    while (Clock::now() - start < time) {
    }
    return StageTimes{time / 4, time / 2, time / 4};
  };
  return contestant;
}

/// Writes its letter into `turns` at each call.
Contestant letter(char name, std::string& turns) {
  Contestant contestant;
  contestant.name = name;
  contestant.call = [name, &turns](std::size_t) {
    turns += name;
    return StageTimes{};
  };
  return contestant;
}

MeasureOptions one_call_a_turn(int rounds) {
  MeasureOptions options;
  options.warm_up = 0;
  options.time = 0ms;
  options.rounds = rounds;
  return options;
}

TEST(Measure, GivesTurnsInAnOrderThatShiftsAndTurnsBack) {
  std::string turns;
  const std::vector<Contestant> contestants{letter('a', turns), letter('b', turns), letter('c', turns)};
  const auto samples = measure(contestants, one_call_a_turn(6));
  EXPECT_EQ(turns,
            "abccba"
            "bcaacb"
            "cabbac");
  ASSERT_EQ(samples.size(), 3U);
  EXPECT_EQ(samples[1].name, "b");
  EXPECT_EQ(samples[1].rounds.size(), 6U);
  EXPECT_EQ(samples[1].rounds[0].total.size(), 1U);
}

TEST(Measure, WarmUpDoesNotCount) {
  int calls = 0;
  Contestant contestant;
  contestant.call = [&](std::size_t) {
    if (++calls == 1) std::this_thread::sleep_for(30ms);
    return StageTimes{};
  };
  auto options = one_call_a_turn(2);
  options.warm_up = 3;
  const auto samples = measure(std::span(&contestant, 1), options);
  EXPECT_EQ(calls, 5);
  EXPECT_GE(samples[0].first_call_ms, 30);
  for (const auto& round : samples[0].rounds) EXPECT_LT(round.total[0], 30);
  calls = 0;
  options.warm_up = 0;
  const auto cold = measure(std::span(&contestant, 1), options);
  EXPECT_GE(cold[0].first_call_ms, 30) << "it counts, and is the first all the same";
  EXPECT_GE(cold[0].rounds[0].total[0], 30);
}

TEST(Measure, TurnsLastTheirShareOfTheTime) {
  const Contestant contestant = busy("spin", 1ms);
  MeasureOptions options;
  options.time = 200ms;
  options.rounds = 4;
  const auto samples = measure(std::span(&contestant, 1), options);
  for (const auto& round : samples[0].rounds) {
    EXPECT_GE(round.wall_ms, 49);
    EXPECT_LE(round.total.size(), 51U);
    EXPECT_NEAR(round.inference[0], 0.5, 1e-6);
  }
}

/// What the measurement adds to each call must be small beside a model of 5 ms: 50 microseconds are 1 %.
TEST(Measure, AddsLessThanTenMicrosecondsToACall) {
  const Contestant contestant = busy("spin", 50us);
  MeasureOptions options;
  options.time = 300ms;
  options.rounds = 10;
  double least = 1e9;
  const auto samples = measure(std::span(&contestant, 1), options);
  for (const auto& round : samples[0].rounds) {
    const double counted = std::accumulate(round.total.begin(), round.total.end(), 0.0);
    least = std::min(least, (round.wall_ms - counted) / static_cast<double>(round.total.size()));
  }
  EXPECT_LT(least, 0.010);
}

TEST(Measure, StreamsCallSideBySide) {
  std::atomic<int> inside{0}, most{0};
  Contestant contestant;
  contestant.streams = 3;
  contestant.call = [&](std::size_t) {
    const int now = ++inside;
    int seen = most;
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
    std::this_thread::sleep_for(5ms);
    --inside;
    return StageTimes{};
  };
  MeasureOptions options;
  options.time = 100ms;
  options.rounds = 2;
  const auto samples = measure(std::span(&contestant, 1), options);
  EXPECT_EQ(most, 3);
  EXPECT_GE(samples[0].rounds[0].total.size(), 6U);
  EXPECT_EQ(samples[0].rounds[0].total.size(), samples[0].rounds[0].postprocess.size());
}

TEST(Measure, FailuresOfAnyStreamAreThrown) {
  Contestant contestant;
  contestant.streams = 2;
  contestant.call = [](std::size_t stream) -> StageTimes {
    if (stream == 1) throw Error(ErrorCode::kInternal, "the second stream failed");
    return {};
  };
  EXPECT_EQ(code_of([&] { measure(std::span(&contestant, 1), one_call_a_turn(1)); }), ErrorCode::kInternal);
}

TEST(Measure, CanBeStopped) {
  std::stop_source stop;
  int calls = 0;
  Contestant contestant;
  contestant.call = [&](std::size_t) {
    if (++calls == 7) stop.request_stop();
    return StageTimes{};
  };
  MeasureOptions options;
  options.time = 60s;
  options.stop = stop.get_token();
  EXPECT_EQ(code_of([&] { measure(std::span(&contestant, 1), options); }), ErrorCode::kInterrupted);
  EXPECT_EQ(calls, 7);
}

TEST(Measure, TellsWhatTheProcessUses) {
  const Contestant contestant = busy("spin", 1ms);
  MeasureOptions options;
  options.time = 200ms;
  options.rounds = 2;
  options.sample = 10ms;
  const auto processor = std::clock();
  const auto start = std::chrono::steady_clock::now();
  const auto samples = measure(std::span(&contestant, 1), options);
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double cores =
      static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC / wall;  // less than 1 on a busy machine
  const Resources& resources = samples[0].resources;
  EXPECT_GT(resources.cpu_cores, 0);
  EXPECT_NEAR(resources.cpu_cores, cores, 0.15);
  EXPECT_GE(resources.resident.looks, 3U);
  EXPECT_GT(resources.resident.mean, 1e6);
  EXPECT_GE(resources.resident.peak, resources.resident.mean);
  EXPECT_EQ(resources.device.looks, 0U);
}

TEST(Level, KeepsLastMeanAndPeak) {
  Level level;
  for (const double value : {4.0, 9.0, 2.0}) level.add(value);
  EXPECT_EQ(level, (Level{2, 5, 9, 3}));
}

}  // namespace
}  // namespace goshawk::benchmark
