#include "goshawk/benchmark/record.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "goshawk/core/testing.h"

namespace goshawk::benchmark {
namespace {

using nlohmann::json;

Result around(double ms, unsigned seed, const std::string& model = "a", int batch = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<double> noise(ms, ms / 50);
  Result result;
  result.model.name = model;
  result.model.device = {runtime::DeviceKind::kOpenVino, 0};
  result.model.precision = runtime::Precision::kBf16;
  result.model.width = 640;
  result.model.height = 384;
  result.model.batch = result.samples.items = batch;
  for (int r = 0; r < 10; ++r) {
    Round round;
    for (int i = 0; i < 80; ++i) round.total.push_back(static_cast<float>(noise(random)));
    round.prepare = round.inference = round.postprocess = round.total;
    for (const float time : round.total) round.wall_ms += static_cast<double>(time);
    round.calls = round.total.size();
    result.samples.rounds.push_back(round);
  }
  return result;
}

json document_of(const std::vector<Result>& results) {
  json list = json::array();
  for (const auto& result : results) list.push_back(json::parse(to_json(result).dump()));
  return {{"results", list}};
}

TEST(BenchRecord, ComesBackWithSettingsAndTimes) {
  auto result = around(5, 1, "a", 4);
  result.axis = Axis::kBatch;
  const auto back = parse_results(document_of({result}), "old.json");
  ASSERT_EQ(back.size(), 1U);
  EXPECT_EQ(back[0].axis, Axis::kBatch);
  EXPECT_EQ(back[0].model.name, "a");
  EXPECT_EQ(back[0].model.device.kind, runtime::DeviceKind::kOpenVino);
  EXPECT_EQ(back[0].model.precision, runtime::Precision::kBf16);
  EXPECT_EQ(back[0].model.width, 640);
  EXPECT_EQ(back[0].samples.rounds.size(), 10U);
  EXPECT_EQ(back[0].samples.rounds[0].total.size(), 50U);  // of 80
  EXPECT_NEAR(summarize(back[0].samples).p50, summarize(result.samples).p50, 0.02);
  EXPECT_NEAR(throughput(back[0].samples), throughput(result.samples), 0.01);
}

TEST(BenchRecord, ImagesASecondAreThoseOfAllCalls) {
  auto result = around(5, 1);
  result.samples.rounds.resize(2);
  for (std::size_t r = 0; r < 2; ++r) {
    auto& round = result.samples.rounds[r];
    round.calls = r == 0 ? 100 : 50;
    round.total.resize(round.calls, 5);
    round.wall_ms = 150;
  }
  EXPECT_NEAR(throughput(result.samples), 500, 1e-9);
  auto document = document_of({result});
  EXPECT_NEAR(throughput(parse_results(document, "old.json")[0].samples), 500, 1e-9);
  for (auto& round : document["results"][0]["rounds"]) round.erase("calls");
  EXPECT_EQ(parse_results(document, "old.json")[0].samples.rounds[0].calls, 50U) << "as many as there are times";
}

TEST(BenchRecord, RefusesWhatIsNoRecordAndSaysWhere) {
  const auto text = [](const json& document) {
    return text_of_error([&] { parse_results(document, "old.json"); }, ErrorCode::kBadData);
  };
  EXPECT_NE(text(json::array()).find("old.json"), std::string::npos);
  EXPECT_NE(text({{"results", 7}}).find("no results"), std::string::npos);
  const json good = document_of({around(5, 1), around(5, 2)});
  for (const auto& [path, value] : std::vector<std::pair<std::string, json>>{{"/results/1/device", "abacus"},
                                                                             {"/results/1/precision", 7},
                                                                             {"/results/1/axis", "colour"},
                                                                             {"/results/1/batch", 0},
                                                                             {"/results/1/rounds", json::array()},
                                                                             {"/results/1/rounds/3/ms", json::array()},
                                                                             {"/results/1/rounds/3/ms/0", -1},
                                                                             {"/results/1/rounds/3/calls", 0},
                                                                             {"/results/1/rounds/3/calls", 1e300},
                                                                             {"/results/1/rounds/3/wall_ms", nullptr},
                                                                             {"/results/1", "text"}}) {
    json bad = good;
    bad[json::json_pointer(path)] = value;
    EXPECT_NE(text(bad).find("results[1]"), std::string::npos) << path;
  }
}

TEST(Baseline, FailsOnARegressionBeyondNoiseAndTolerance) {
  const auto before = std::vector<Result>{around(5, 1)};
  const auto verdict = [&](double ms) { return compare_results({around(ms, 2)}, before, 0.05).at(0); };
  EXPECT_FALSE(verdict(5).worse);
  EXPECT_FALSE(verdict(5.1).worse);  // surely slower, but by 2 %
  const auto slower = verdict(6);
  EXPECT_TRUE(slower.worse);
  EXPECT_FALSE(slower.better);
  EXPECT_NEAR(slower.slowdown.value, 1.2, 0.01);
  EXPECT_GT(slower.slowdown.low, 1.15);
  EXPECT_TRUE(verdict(4).better);
}

TEST(Baseline, NoiseAloneIsNoRegression) {
  auto noisy = around(5, 1);
  const std::array<float, 10> pace{0.8F, 1.5F, 0.9F, 1.4F, 0.95F, 1.3F, 1.15F, 1.2F, 0.85F, 1.25F};  // now fast, now slow
  ASSERT_EQ(noisy.samples.rounds.size(), pace.size());
  for (std::size_t r = 0; r < pace.size(); ++r) {
    for (auto& time : noisy.samples.rounds[r].total) time *= pace[r];
  }
  const auto change = compare_results({noisy}, {around(5, 2)}, 0.05).at(0);
  EXPECT_GT(change.slowdown.value, 1.05);
  EXPECT_FALSE(change.worse);
}

TEST(Baseline, ComparesLikeWithLikeOnly) {
  auto other_size = around(5, 1);
  other_size.model.height = 640;
  auto in_a_sweep = around(5, 1);
  in_a_sweep.axis = Axis::kBatch;
  const std::vector<Result> now{around(5, 1, "b"), around(5, 1), in_a_sweep};
  const auto changes = compare_results(now, {other_size, around(5, 3)}, 0.05);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].now, 1U);
  EXPECT_EQ(changes[0].before, 1U);
}

TEST(Baseline, ASettingIsTheSameWhetherItWasMeasuredInASweepOrAlone) {
  auto in_a_sweep = around(5, 1, "a", 4), alone = around(5, 2, "a", 4), slower = around(9, 3, "a", 4);
  in_a_sweep.axis = Axis::kBatch;
  EXPECT_EQ(compare_results({alone}, {around(5, 4), in_a_sweep}, 0.05).at(0).before, 1U);
  EXPECT_EQ(compare_results({alone}, {in_a_sweep, slower}, 0.05).at(0).before, 1U) << "the same axis first";
}

TEST(Baseline, WithStreamsThroughputCounts) {
  auto before = around(5, 1), now = around(5, 2);
  before.model.streams = now.model.streams = before.samples.streams = now.samples.streams = 2;
  for (auto& round : now.samples.rounds) round.wall_ms *= 1.5;  // as long a call, but fewer of them
  const auto change = compare_results({now}, {before}, 0.05).at(0);
  EXPECT_TRUE(change.worse);
  EXPECT_NEAR(change.slowdown.value, 1.5, 0.02);
}

TEST(BenchCsv, HasOneRowAResultAndTheRecordInEach) {
  auto named = around(5, 1, "a,\"b\"");
  named.ap = 0.25;
  const std::string text = to_csv({named, around(7, 2, "c", 2)}, {{"machine processor", "X, Y"}});
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_TRUE(lines[0].ends_with(",machine processor"));
  EXPECT_TRUE(lines[1].starts_with(",\"a,\"\"b\"\"\",openvino,bf16,1,0,1,640,384,800,"));
  EXPECT_TRUE(lines[2].ends_with(",\"X, Y\""));
  const auto commas = [](const std::string& line) { return std::count(line.begin(), line.end(), ','); };
  EXPECT_EQ(commas(lines[0]), commas(lines[2]) - 1);  // one stands within quotes
}

}  // namespace
}  // namespace goshawk::benchmark
