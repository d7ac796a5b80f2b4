#include "goshawk/optimize/prune_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "goshawk/core/files.h"
#include "goshawk/core/testing.h"

namespace goshawk::optimize {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A "model" is a file with what it costs; pruning, training and judging are told of in `log`.
class Schedule : public ::testing::Test {
 protected:
  Schedule() {
    write_file_atomically(model_, "1000");
    options_.keep = 0.5;
    options_.steps = 3;
    options_.begun_with = {{"model", "m"}, {"--keep", "0.5"}};
    work_.prune = [this](const fs::path& from, double share, const fs::path& to) {
      const double before = std::stod(read_file(from)), after = std::max(least_, std::round(before * share));
      log_.push_back("prune");
      if (after >= before) throw Error(ErrorCode::kBadConfig, "no channel may go");
      write_file_atomically(to, fmt_of(after));
      return ScheduleWork::Cost{before, after};
    };
    work_.train = [this](const fs::path& pruned, const fs::path& folder, const fs::path& to) {
      log_.push_back("train");
      if (stop_in_ == log_.size()) throw Error(ErrorCode::kInterrupted, "stopped");
      EXPECT_EQ(pruned.parent_path(), folder);
      write_file_atomically(to, read_file(pruned));
    };
    work_.judge = [this](const fs::path& model, const std::string&) {
      log_.push_back("judge");
      if (stop_in_ == log_.size()) throw Error(ErrorCode::kInterrupted, "stopped");
      const double cost = std::stod(read_file(model));
      return Accuracy{model.filename() == "pruned.onnx" ? 0.1 : ap_of_(cost), 0.7};
    };
  }

  static std::string fmt_of(double cost) { return std::to_string(static_cast<int>(cost)); }
  ScheduleRecord run() { return prune_in_steps(model_, folder_.path(), work_, options_); }
  static std::vector<double> costs(const ScheduleRecord& record) {
    std::vector<double> all;
    for (const auto& step : record.steps) all.push_back(step.multiply_adds);
    return all;
  }

  TemporaryFolder folder_;
  fs::path model_ = folder_ / "whole.onnx";
  ScheduleWork work_;
  ScheduleOptions options_;
  std::vector<std::string> log_;
  std::size_t stop_in_ = 0;  // which piece of work is stopped; 0: none
  double least_ = 0;
  std::function<double(double cost)> ap_of_ = [](double cost) { return 0.4 + cost / 100'000; };
};

TEST(NextShare, EachStepTakesAwayAsMuchAsTheOthers) {
  EXPECT_DOUBLE_EQ(next_share(1, 0.5, 1), 0.5);
  const double first = next_share(1, 0.5, 3), second = next_share(first, 0.5, 2);
  EXPECT_NEAR(first, std::cbrt(0.5), 1e-12);
  EXPECT_NEAR(second / first, first, 1e-12);
  EXPECT_NEAR(next_share(second, 0.5, 1), 0.5, 1e-12);
}

TEST_F(Schedule, EndsAtTheShareOfTheOriginal) {
  const auto record = run();
  EXPECT_THAT(costs(record), ElementsAre(794, 630, 500));
  EXPECT_EQ(record.original.multiply_adds, 1000);
  EXPECT_EQ(record.best, 2U);
  EXPECT_THAT(record.ended, HasSubstr("step 3 of 3"));
  EXPECT_EQ(record.steps[1].pruned.ap, 0.1);
  EXPECT_NEAR(record.steps[1].tuned.ap, 0.4063, 1e-9);
  const auto again = read_record(folder_ / "steps.json");
  EXPECT_EQ(again.steps, record.steps);
  EXPECT_EQ(again.original, record.original);
  EXPECT_EQ(again.begun_with, options_.begun_with);
}

TEST_F(Schedule, GateEndsItAndTheLastWithinIsTheResult) {
  options_.max_drop = 2;
  ap_of_ = [](double cost) { return cost < 700 ? 0.38 : cost < 900 ? 0.395 : 0.41; };
  const auto record = run();
  EXPECT_EQ(record.steps.size(), 2U);
  EXPECT_EQ(record.best, 0U);
  EXPECT_EQ(record.ended, "step 2 loses 3.00 points of AP50-95, 2.00 are allowed");
}

TEST_F(Schedule, ALossOfJustWhatIsAllowedPasses) {
  options_.steps = 1;
  ap_of_ = [](double cost) { return cost < 900 ? 0.39 : 0.41; };
  EXPECT_EQ(run().best, 0U);
}

TEST_F(Schedule, NothingPassesWhenTheFirstStepLosesTooMuch) {
  ap_of_ = [](double cost) { return cost < 900 ? 0.1 : 0.4; };
  const auto record = run();
  EXPECT_EQ(record.best, std::nullopt);
  EXPECT_EQ(record.steps.size(), 1U);
}

TEST_F(Schedule, EndsWhereNothingMoreCanGo) {
  least_ = 700;
  const auto record = run();
  EXPECT_THAT(costs(record), ElementsAre(794, 700));
  EXPECT_EQ(record.best, 1U);
  EXPECT_THAT(record.ended, HasSubstr("no channel may go"));
  EXPECT_FALSE(fs::exists(folder_ / "step3"));
  least_ = 1000;
  EXPECT_EQ(code_of([&] { run(); }), ErrorCode::kBadConfig) << "nothing was done at all";
}

TEST_F(Schedule, ModelThatFindsNothingIsRefused) {
  ap_of_ = [](double) { return 0.0; };
  EXPECT_EQ(code_of([&] { run(); }), ErrorCode::kBadData);
}

TEST_F(Schedule, WhereverItIsStoppedItGoesOnToTheSameEndAndDoesNothingTwice) {
  const auto whole = run();
  const auto work = log_;
  for (std::size_t stop = 1; stop <= work.size(); ++stop) {
    if (work[stop - 1] == "prune") continue;
    log_.clear();
    options_.resume = false;
    stop_in_ = stop;
    EXPECT_EQ(code_of([&] { run(); }), ErrorCode::kInterrupted);
    const auto done = log_.size();
    stop_in_ = 0;
    options_.resume = true;
    const auto record = run();
    EXPECT_EQ(record.steps, whole.steps);
    EXPECT_EQ(record.best, whole.best);
    const bool untold = work[stop - 1] == "judge" && stop > 1 && work[stop - 2] == "train";
    EXPECT_EQ(log_.size(), work.size() + (untold ? 2 : 1)) << "stopped in " << done;
  }
}

TEST_F(Schedule, GoesOnOnlyWithWhatItWasBegunWith) {
  run();
  options_.resume = true;
  log_.clear();
  EXPECT_EQ(run().best, 2U);
  EXPECT_TRUE(log_.empty());
  options_.begun_with["--keep"] = "0.3";
  EXPECT_THAT(text_of_error([&] { run(); }, ErrorCode::kBadConfig), HasSubstr("--keep (0.5 then, 0.3 now)"));
  options_.begun_with["--keep"] = "0.5";
  write_file_atomically(step_model(folder_.path(), 1), "631");
  EXPECT_THAT(text_of_error([&] { run(); }, ErrorCode::kBadData), HasSubstr("step2"));
}

TEST_F(Schedule, RecordsThatAreNoneAreOneErrorWithTheFile) {
  run();
  const auto file = folder_ / "steps.json";
  const auto good = nlohmann::json::parse(read_file(file));
  std::vector<nlohmann::json> bad{nlohmann::json::array(), nlohmann::json::object(), 7, nullptr};
  const auto change = [&](const char* pointer, const nlohmann::json& value) {
    auto changed = good;
    changed[nlohmann::json::json_pointer(pointer)] = value;
    bad.push_back(changed);
  };
  change("/format", 2);
  change("/begun_with", {{"model", 7}});
  change("/steps", 7);
  change("/steps", {{"a", 7}});
  change("/steps/0", 7);
  change("/steps/0/multiply_adds", 0);
  change("/steps/0/multiply_adds", "many");
  change("/steps/1/after_training/AP", 2);
  change("/steps/1/sha256", 7);
  change("/original/multiply_adds", 0);
  for (const auto& document : bad) {
    write_file_atomically(file, document.dump());
    const auto text = text_of_error([&] { read_record(file); }, ErrorCode::kBadData);
    EXPECT_THAT(text, HasSubstr("steps.json")) << document;
  }
  auto torn = good;
  torn["steps"][0].erase("after_training");
  write_file_atomically(file, torn.dump());
  EXPECT_EQ(code_of([&] { read_record(file); }), ErrorCode::kBadData) << "only the last step may be unfinished";
  fs::remove(file);
  EXPECT_EQ(code_of([&] { read_record(file); }), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace goshawk::optimize
