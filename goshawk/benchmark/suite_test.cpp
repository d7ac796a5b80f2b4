#include "goshawk/benchmark/suite.h"

#include <gtest/gtest.h>

#include <opencv2/core.hpp>
#include <set>

#include "goshawk/benchmark/plots.h"
#include "goshawk/benchmark/testing.h"

namespace goshawk::benchmark {
namespace {

using testing::brief;

class RunPlan : public testing::SmallModels {};

TEST_F(RunPlan, MeasuresCandidatesThenSweepsEach) {
  Plan plan;
  plan.candidates = {detector("a", {-1, 3, -1, -1}), detector("b", {-1, 3, 64, 64})};
  plan.in_turns = true;
  plan.sweeps = {{Axis::kBatch, {1, 3}}, {Axis::kSize, {64, 96}}};
  std::int64_t turns = 0;
  std::set<std::string> told;
  const auto suite = run_plan(plan, {}, brief(), [&](const std::string& what) {
    ++turns;
    told.insert(what);
  });
  ASSERT_EQ(suite.results.size(), 2 + 2 * 2 + 2 + 1U);  // b takes its own size only
  EXPECT_EQ(suite.results[0].group, suite.results[1].group);
  EXPECT_EQ(suite.results[3].axis, Axis::kBatch);
  EXPECT_EQ(suite.results[3].model.batch, 3);
  EXPECT_EQ(suite.results[5].axis, Axis::kSize);
  EXPECT_EQ(suite.results[5].model.width, 96);
  ASSERT_EQ(suite.notes.size(), 1U);
  EXPECT_NE(suite.notes[0].find("size 96 left out"), std::string::npos) << suite.notes[0];
  EXPECT_EQ(turns, count_turns(plan, brief()) - brief().rounds);  // less the size that b does not take
  EXPECT_TRUE(told.contains("a, by batch")) << ::testing::PrintToString(told);
}

TEST_F(RunPlan, StreamsThatADeviceDoesNotHaveAreLeftOut) {
  Plan plan;
  plan.candidates = {detector("a", {1, 3, 64, 64})};
  plan.sweeps = {{Axis::kStreams, {1, 2}}};
  const auto suite = run_plan(plan, {}, brief());
  EXPECT_EQ(suite.results.size(), 2U);
  ASSERT_EQ(suite.notes.size(), 1U);
  EXPECT_NE(suite.notes[0].find("one call at a time"), std::string::npos);
}

TEST_F(RunPlan, WhatIsNotThereIsLeftOutUnlessItIsAll) {
  Plan plan;
  plan.candidates = {detector("a", {1, 3, 64, 64}), detector("a", {1, 3, 64, 64})};
  plan.candidates[0].options.session.precision = runtime::Precision::kBf16;  // which the CPU provider does not have
  EXPECT_EQ(code_of([&] { run_plan(plan, {}, brief()); }), ErrorCode::kUnavailable);
  plan.skip_unavailable = true;
  const auto suite = run_plan(plan, {}, brief());
  EXPECT_EQ(suite.results.size(), 1U);
  EXPECT_EQ(suite.notes.size(), 1U);
  plan.candidates.resize(1);
  EXPECT_EQ(code_of([&] { run_plan(plan, {}, brief()); }), ErrorCode::kUnavailable);
}

TEST_F(RunPlan, TellsHowLongLoadingTakesWithoutACache) {
  Plan plan;
  plan.candidates = {detector("a", {1, 3, 64, 64})};
  EXPECT_EQ(run_plan(plan, {}, brief()).results[0].compile_ms, -1);
  plan.candidates[0].options.session.cache_folder = folder / "cache";
  EXPECT_GT(run_plan(plan, {}, brief()).results[0].compile_ms, 0);
}

Result timed(const std::string& model, float ms, double ap = -1) {
  Result result;
  result.model.name = result.samples.name = model;
  result.ap = ap;
  for (int r = 0; r < 5; ++r) result.samples.rounds.push_back({{ms, ms}, {0, 0}, {ms, ms}, {0, 0}, 2.0 * ms, 2});
  return result;
}

TEST(BestOf, LooksAtOneModelAndNotAtOtherSizes) {
  auto small = timed("a", 1);
  small.axis = Axis::kSize;
  const std::vector<Result> results{timed("b", 2), timed("a", 5), small, timed("a", 4)};
  EXPECT_EQ(best_of(results, "a").latency, 3U);
  EXPECT_EQ(best_of(results, "b").throughput, 0U);
}

TEST(ParetoFront, KeepsWhatNothingBeatsInBoth) {
  const std::vector<Result> results{timed("slow and good", 9, 0.5),  timed("fast", 2, 0.3),
                                    timed("beaten", 9.5, 0.4),       timed("not measured", 1),
                                    timed("as fast, worse", 2, 0.2), timed("middle", 5, 0.45)};
  EXPECT_EQ(pareto_front(results), (std::vector<std::size_t>{1, 5, 0}));
}

TEST(SettingOf, NamesWhatDiffersFromTheUsual) {
  LoadedInfo info;
  info.device = {runtime::DeviceKind::kOpenVino, 0};
  info.precision = runtime::Precision::kBf16;
  EXPECT_EQ(setting_of(info), "openvino bf16");
  info.batch = 4;
  info.streams = 2;
  info.threads = 1;
  EXPECT_EQ(setting_of(info), "openvino bf16, batch 4, 2 streams, 1 thread");
}

TEST(BenchmarkPlots, AreThoseThatTheResultsAllow) {
  auto batch = timed("a", 3), more = timed("a", 5), threads = timed("a", 3);
  batch.axis = more.axis = Axis::kBatch;
  more.model.batch = 2;
  threads.axis = Axis::kThreads;  // one value alone is no curve
  const auto plots = benchmark_plots({timed("a", 5, 0.3), timed("b", 4, 0.2), batch, more, threads});
  std::vector<std::string> files;
  for (const auto& plot : plots) {
    files.push_back(plot.file);
    EXPECT_EQ(plot.png.substr(1, 3), "PNG");
  }
  EXPECT_EQ(files,
            (std::vector<std::string>{"latency.png", "latency_by_batch.png", "throughput_by_batch.png", "pareto.png"}));
}

TEST(BenchmarkPlots, TheFrontComesFirstWhateverTheOrder) {
  const auto picture = [](const std::vector<Result>& results) { return benchmark_plots(results).back().png; };
  const auto fast = timed("fast", 2, 0.3), good = timed("good", 5, 0.5), beaten = timed("beaten", 6, 0.4);
  EXPECT_EQ(picture({beaten, good, fast}), picture({fast, beaten, good}));
}

}  // namespace
}  // namespace goshawk::benchmark
