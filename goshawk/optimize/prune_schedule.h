// Pruning in steps, each trained on before the next, for as long as the accuracy holds.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "goshawk/benchmark/statistics.h"
#include "goshawk/optimize/judge.h"

namespace goshawk::optimize {

/// What a model costs, how accurate it is, and how fast.
struct StepFigures {
  double multiply_adds = 0;           // of the convolutions for one picture
  Accuracy pruned = {}, tuned = {};   // before and after training on; ap -1: not measured yet
  std::string sha256 = {};            // of the trained model's file
  double latency_ms = 0;              // median of one picture, end to end; 0: not timed
  benchmark::Interval speed_up = {};  // over the original
  bool operator==(const StepFigures&) const = default;
};

/// What a schedule has done so far.
struct ScheduleRecord {
  std::map<std::string, std::string> begun_with;  // what the figures hold for: "model", "--keep", ...
  StepFigures original;                           // `tuned` is its accuracy; the rest is open until the first step
  std::vector<StepFigures> steps;                 // all but the last are whole
  std::optional<std::size_t> best;                // the last step within the drop; nullopt: none
  std::string ended;                              // why there is no further step; empty while it goes on
};

/// "steps.json" of a run's folder. Atomic. Throws Error{kIo}.
void write_record(const ScheduleRecord& record, const std::filesystem::path& file);
/// Throws Error{kNotFound}, {kBadConfig} for what is no JSON, {kBadData} for what is no schedule's record, with the file.
ScheduleRecord read_record(const std::filesystem::path& file);
nlohmann::ordered_json to_json(const ScheduleRecord& record);

/// Share of what is there now that remains after the next of `steps_left` steps to `share`, each of which takes away as
/// much, relatively, as the others. `now`, `share`: of the original, 0 < share < now.
double next_share(double now, double share, int steps_left);

/// What the steps are made of.
struct ScheduleWork {
  struct Cost {
    double before = 0, after = 0;  // multiply_adds
  };
  /// Writes `to`, with at most `share` of the multiplications of `from` where that can be. Throws Error{kBadConfig} when
  /// nothing more can go.
  std::function<Cost(const std::filesystem::path& from, double share, const std::filesystem::path& to)> prune;
  /// Trains `pruned` on in `folder`, from where a training in it stopped, and writes `to`.
  std::function<void(const std::filesystem::path& pruned, const std::filesystem::path& folder,
                     const std::filesystem::path& to)>
      train;
  std::function<Accuracy(const std::filesystem::path& model, const std::string& what)> judge;
};

struct ScheduleOptions {
  double keep = 0.5;  // of the original's multiplications, after the last step
  int steps = 1;
  double max_drop = 2.0;                          // points of AP50-95 (of 100) below the original
  std::map<std::string, std::string> begun_with;  // a resumed schedule has the same
  bool resume = false;
};

/// The trained model of a step (from 0) in a run's folder.
std::filesystem::path step_model(const std::filesystem::path& folder, std::size_t step);

/// Prunes, trains and judges step by step until `keep` is reached, nothing more can go, or a step loses more than
/// `max_drop`. Each step begins with the trained model of the one before. `folder` gets steps.json, rewritten whenever
/// something was measured, and a folder for each step; with `resume` it goes on where that ends. The original is only read.
/// Throws Error{kBadData} when the original finds nothing (there is nothing to hold), or a step's model is not what it was;
/// {kBadConfig} when the first step can take nothing away, or `resume` differs from what was begun; and what the work
/// throws.
ScheduleRecord prune_in_steps(const std::filesystem::path& model, const std::filesystem::path& folder,
                              const ScheduleWork& work, const ScheduleOptions& options);

}  // namespace goshawk::optimize
