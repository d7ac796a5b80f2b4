#include "apps/goshawk/interrupt.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

namespace goshawk::cli {
namespace {

using namespace std::chrono_literals;

bool becomes_true(const std::function<bool()>& condition) {
  for (int i = 0; i < 500 && !condition(); ++i) std::this_thread::sleep_for(10ms);
  return condition();
}

/// Runs in a process of its own: leaves with 1 when the first signal does not ask to stop.
[[noreturn]] void two_signals(int signal) {
  const Interrupt interrupt;
  if (interrupt.token().stop_requested()) std::_Exit(1);
  ::kill(::getpid(), signal);
  if (!becomes_true([&] { return interrupt.token().stop_requested(); })) std::_Exit(1);
  ::kill(::getpid(), signal);
  std::this_thread::sleep_for(10s);
  std::_Exit(2);
}

TEST(InterruptDeathTest, TheFirstSignalAsksToStopTheSecondEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(two_signals(SIGINT), testing::ExitedWithCode(130), "stopping");
  EXPECT_EXIT(two_signals(SIGTERM), testing::ExitedWithCode(130), "stopping");
}

TEST(InterruptDeathTest, HangUpAsksToStopHoweverOftenItIsSent) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto hang_up = [] {
    const Interrupt interrupt;
    ::kill(::getpid(), SIGHUP);
    if (!becomes_true([&] { return interrupt.token().stop_requested(); })) std::_Exit(1);
    ::kill(::getpid(), SIGHUP);
    std::this_thread::sleep_for(200ms);
    std::_Exit(0);
  };
  EXPECT_EXIT(hang_up(), testing::ExitedWithCode(0), "stopping");
}

TEST(InterruptDeathTest, HangUpStaysIgnoredUnderNohup) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto hang_up = [] {
    std::signal(SIGHUP, SIG_IGN);
    const Interrupt interrupt;
    ::kill(::getpid(), SIGHUP);
    std::this_thread::sleep_for(200ms);
    std::_Exit(interrupt.token().stop_requested() ? 1 : 0);
  };
  EXPECT_EXIT(hang_up(), testing::ExitedWithCode(0), "");
}

TEST(LeaveOnStopDeathTest, ASignalEndsTheProcessWhileItLives) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto load = [] {
    const Interrupt interrupt;
    const LeaveOnStop leave(interrupt.token());
    ::kill(::getpid(), SIGINT);
    std::this_thread::sleep_for(10s);  // hears nothing
    std::_Exit(2);
  };
  EXPECT_EXIT(load(), testing::ExitedWithCode(130), "stopping");
  const auto run = [] {
    const Interrupt interrupt;
    { const LeaveOnStop leave(interrupt.token()); }
    ::kill(::getpid(), SIGINT);
    std::_Exit(becomes_true([&] { return interrupt.token().stop_requested(); }) ? 0 : 1);
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(0), "stopping");
}

TEST(InterruptDeathTest, EndsWithoutASignal) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto live_and_die = [] {
    { const Interrupt interrupt; }
    std::_Exit(0);
  };
  EXPECT_EXIT(live_and_die(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace goshawk::cli
