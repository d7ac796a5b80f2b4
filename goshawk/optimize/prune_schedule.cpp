#include "goshawk/optimize/prune_schedule.h"

#include <fmt/format.h>

#include <cmath>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/optimize/run_record.h"

namespace goshawk::optimize {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr std::size_t kMostSteps = 1000;

ordered_json to_json(const Accuracy& accuracy) { return {{"AP", accuracy.ap}, {"AP50", accuracy.ap50}}; }

ordered_json to_json(const StepFigures& figures) {
  ordered_json entry{{"multiply_adds", figures.multiply_adds}};
  if (figures.pruned.ap >= 0) entry["before_training"] = to_json(figures.pruned);
  if (figures.tuned.ap >= 0) entry["after_training"] = to_json(figures.tuned);
  if (!figures.sha256.empty()) entry["sha256"] = figures.sha256;
  if (figures.latency_ms > 0) {
    entry["latency_ms"] = figures.latency_ms;
    entry["speed_up"] = {{"value", figures.speed_up.value}, {"low", figures.speed_up.low}, {"high", figures.speed_up.high}};
  }
  return entry;
}

double number_within(const json& value, double least, double most) {
  const auto number = value.get<double>();
  if (!(number >= least && number <= most)) throw Error(ErrorCode::kBadData, "a figure is out of range");
  return number;
}

Accuracy accuracy_of(const json& entry, const char* key) {
  if (!entry.contains(key)) return {};
  return {number_within(entry.at(key).at("AP"), 0, 1), number_within(entry.at(key).at("AP50"), 0, 1)};
}

/// Times are not read: they are always of one run.
StepFigures figures_of(const json& entry) {
  StepFigures figures;
  figures.multiply_adds = number_within(entry.at("multiply_adds"), 0, 1e18);
  figures.pruned = accuracy_of(entry, "before_training");
  figures.tuned = accuracy_of(entry, "after_training");
  figures.sha256 = entry.value("sha256", "");
  return figures;
}

ScheduleRecord parse_record(const json& document) {
  if (document.at("format").get<int>() != kFormat)
    throw Error(ErrorCode::kBadData, "it was written by another version of goshawk");
  ScheduleRecord record;
  record.begun_with = document.at("begun_with").get<std::map<std::string, std::string>>();
  record.original = figures_of(document.at("original"));
  const auto& steps = document.at("steps");
  if (!steps.is_array() || steps.size() > kMostSteps) throw Error(ErrorCode::kBadData, "the steps are no list");
  for (const auto& entry : steps) {
    if (!record.steps.empty() && record.steps.back().tuned.ap < 0)
      throw Error(ErrorCode::kBadData, "a step follows one that was not finished");
    record.steps.push_back(figures_of(entry));
    if (!(record.steps.back().multiply_adds > 0)) throw Error(ErrorCode::kBadData, "a step costs nothing");
  }
  if (!record.steps.empty() && !(record.original.multiply_adds > 0))
    throw Error(ErrorCode::kBadData, "the original costs nothing");
  return record;
}

class Schedule {
 public:
  Schedule(const fs::path& model, const fs::path& folder, const ScheduleWork& work, const ScheduleOptions& options)
      : model_(model), folder_(folder), work_(work), options_(options) {}

  ScheduleRecord run() {
    begin();
    judge_original();
    for (int step = 0; record_.ended.empty(); ++step) {
      const auto place = static_cast<std::size_t>(step);
      if (step == options_.steps) {
        record_.ended = fmt::format("step {} of {} was the last", step, step);
        break;
      }
      const double now = place == 0 ? 1.0 : share_of(record_.steps[place - 1]);
      if (now <= options_.keep) {
        record_.ended = fmt::format("{:.0f} % of the multiplications remain after {} steps", 100 * now, step);
        break;
      }
      if (!prune(place, now)) break;
      train(place);
      const double drop = 100 * (record_.original.tuned.ap - record_.steps[place].tuned.ap);
      if (drop > options_.max_drop + 1e-9) {
        record_.ended =
            fmt::format("step {} loses {:.2f} points of AP50-95, {:.2f} are allowed", step + 1, drop, options_.max_drop);
      } else {
        record_.best = place;
      }
    }
    save();
    return std::move(record_);
  }

 private:
  fs::path file() const { return folder_ / "steps.json"; }
  void save() const { write_record(record_, file()); }
  double share_of(const StepFigures& step) const { return step.multiply_adds / record_.original.multiply_adds; }
  fs::path step_folder(std::size_t step) const { return step_model(folder_, step).parent_path(); }

  void begin() {
    if (options_.resume) {
      record_ = read_record(file());
      require_same(record_.begun_with, options_.begun_with, file());
    }
    record_.begun_with = options_.begun_with;
    save();
  }

  void judge_original() {
    auto& accuracy = record_.original.tuned;
    if (accuracy.ap < 0) accuracy = work_.judge(model_, "the original");
    save();
    require_findings(accuracy, model_);
  }

  /// False when nothing more can go.
  bool prune(std::size_t step, double now) {
    const fs::path pruned = step_folder(step) / "pruned.onnx";
    if (step == record_.steps.size()) {
      make_folder(step_folder(step));
      const double next = next_share(now, options_.keep, options_.steps - static_cast<int>(step));
      ScheduleWork::Cost cost;
      try {
        cost = work_.prune(step == 0 ? model_ : step_model(folder_, step - 1), next / now, pruned);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kBadConfig || step == 0) throw;
        record_.ended = fmt::format("step {} was not made: {}", step + 1, error.what());
        std::error_code ignored;
        fs::remove(step_folder(step), ignored);
        return false;
      }
      if (step == 0) record_.original.multiply_adds = cost.before;
      record_.steps.push_back({.multiply_adds = cost.after});
      save();
    }
    if (record_.steps[step].pruned.ap < 0) {
      record_.steps[step].pruned = work_.judge(pruned, fmt::format("step {}, not trained", step + 1));
      save();
    }
    return true;
  }

  void train(std::size_t step) {
    auto& figures = record_.steps[step];
    const fs::path trained = step_model(folder_, step);
    if (figures.tuned.ap >= 0) {
      std::error_code ignored;
      if (fs::is_regular_file(trained, ignored) && sha256_of_file(trained) == figures.sha256) return;
      throw Error(ErrorCode::kBadData, "this is not the model that the run has measured any more", trained.string(),
                  "Begin anew without --resume.");
    }
    work_.train(step_folder(step) / "pruned.onnx", step_folder(step), trained);
    figures.tuned = work_.judge(trained, fmt::format("step {}", step + 1));
    figures.sha256 = sha256_of_file(trained);
    save();
  }

  const fs::path model_;
  const fs::path folder_;
  const ScheduleWork& work_;
  const ScheduleOptions& options_;
  ScheduleRecord record_;
};

}  // namespace

ordered_json to_json(const ScheduleRecord& record) {
  ordered_json document{{"format", kFormat}, {"begun_with", record.begun_with}, {"original", to_json(record.original)}};
  document["steps"] = ordered_json::array();
  for (const auto& step : record.steps) document["steps"].push_back(to_json(step));
  if (!record.ended.empty()) {
    document["best"] = record.best ? ordered_json(*record.best + 1) : ordered_json();
    document["ended"] = record.ended;
  }
  return document;
}

void write_record(const ScheduleRecord& record, const fs::path& file) {
  write_file_atomically(file, json_text(to_json(record)));
}

ScheduleRecord read_record(const fs::path& file) {
  return read_run_record(file, "goshawk prune", {.bytes = 4ULL << 20, .nodes = 100'000}, parse_record);
}

double next_share(double now, double share, int steps_left) { return now * std::pow(share / now, 1.0 / steps_left); }

fs::path step_model(const fs::path& folder, std::size_t step) {
  return folder / fmt::format("step{}", step + 1) / "model.onnx";
}

ScheduleRecord prune_in_steps(const fs::path& model, const fs::path& folder, const ScheduleWork& work,
                              const ScheduleOptions& options) {
  return Schedule(model, folder, work, options).run();
}

}  // namespace goshawk::optimize
