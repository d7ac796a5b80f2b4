// A whole benchmark: models on devices side by side, and what batch, size, threads and streams do to each.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "goshawk/benchmark/models.h"

namespace goshawk::benchmark {

/// What a series of measurements varies.
enum class Axis { kNone, kBatch, kSize, kThreads, kStreams };
const char* name(Axis axis);  // "batch"; "" for kNone

/// One candidate's figures within a benchmark.
struct Result {
  Axis axis = Axis::kNone;  // kNone: one of the plan's own candidates
  std::size_t group = 0;    // results of one group were measured in turns
  LoadedInfo model;
  Samples samples;
  double compile_ms = -1;  // loading without a cache; -1: not measured
  double ap = -1;          // AP50-95 on a data set; -1: not measured. The caller's to fill in
};

struct Plan {
  std::vector<Candidate> candidates;
  bool in_turns = false;  // all loaded at once and measured turn by turn; else one after the other, each alone in memory
  bool skip_unavailable = false;  // leave candidates out, with a note, whose device or precision is not there; not the last
  bool load_times = true;         // load each without and with a cache, where it has one
  std::map<Axis, std::vector<int>> sweeps;  // of every candidate: values of the axis
};

struct Suite {
  std::vector<Result> results;     // the plan's candidates in order, then the sweeps
  std::vector<std::string> notes;  // what was left out, and why
};

/// Turns that `run_plan` will take, for a progress bar.
std::int64_t count_turns(const Plan& plan, const MeasureOptions& options);

/// Measures everything. Values of a sweep that a model or device does not take are left out with a note. `on_turn` is called
/// after each turn with what is being measured; may be empty. Throws what `measure_models` throws for the plan's candidates.
Suite run_plan(const Plan& plan, const std::vector<cv::Mat>& pictures, const MeasureOptions& options,
               const std::function<void(const std::string& what)>& on_turn = {});

/// "openvino bf16", and what differs from one image a call on one stream: "openvino bf16, batch 4, 2 streams".
std::string setting_of(const LoadedInfo& model);

/// Places of the best results of one model (by name), sizes other than its own left out: by time of a call, and by images
/// a second. Of those that cannot be told from the best, the first.
struct Best {
  std::size_t latency = 0, throughput = 0;
};
Best best_of(const std::vector<Result>& results, const std::string& model);

}  // namespace goshawk::benchmark
