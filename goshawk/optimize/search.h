// The search for the model that is fastest here within an allowed loss of accuracy.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "goshawk/benchmark/statistics.h"
#include "goshawk/optimize/int8.h"

namespace goshawk::optimize {

/// One way to run the model, as it was measured: a file, a device and an arithmetic.
struct Way {
  std::string name;  // "int8 on openvino"
  std::filesystem::path file = {};
  runtime::Device device = {};
  runtime::Precision precision = runtime::Precision::kAuto;
  bool eight_bits = false;
  nlohmann::ordered_json made = {};  // what was done to the model; null for the original

  std::uint64_t bytes = 0;
  Accuracy accuracy = {};
  double latency_ms = 0;              // median of one picture, end to end
  benchmark::Interval speed_up = {};  // over the original on its default device
  bool measured = false;              // accuracy and latency are both known
  bool on_front = false;              // no other way is both faster and more accurate
  std::string refused = {};           // why it is not the best; empty for the best
};

struct SearchOptions {
  detect::DetectorOptions device;        // the default device: the original is measured there
  double max_drop = 1.0;                 // points of AP50-95
  double least_speed_up = 1.0;           // that a way must surely have
  int time_ms = 2000;                    // that each way is timed
  std::vector<runtime::Device> devices;  // empty: all of this machine
  bool resume = false;                   // takes from `folder` what an interrupted search measured
  std::stop_token stop;
  std::function<void(const std::string& doing, std::int64_t done, std::int64_t total)> progress;  // may be empty
  std::function<void(const std::string& line)> log;                                               // may be empty
};

struct SearchOutcome {
  std::vector<Way> ways;            // the first is the original
  std::optional<std::size_t> best;  // nullopt: nothing passes
  std::vector<std::string> notes;   // what was not tried, and why
  int calibration_images = 0, evaluation_images = 0;
};

/// Tries the ways that this machine has: FP32, the device's reduced precision, and INT8 laid out for each provider; judges
/// each on the labelled pictures, times all in turns, and picks the fastest within the drop. Candidates and `search.json`
/// are kept in `folder`, so that an interrupted search goes on where it was (`resume`), with the same model, recipe,
/// pictures, thresholds and drop. The original is only read. Throws Error{kBadConfig} where there are no labels or `resume`
/// differs from what was begun, {kBadData} where the original finds nothing, and what read_state throws, {kInterrupted},
/// {kIo}.
SearchOutcome search(const std::filesystem::path& model, const Material& material, const std::filesystem::path& folder,
                     const SearchOptions& options);

/// Marks the Pareto front, refuses what is slower or less accurate with the figure, and names the best. Ways that were not
/// measured are refused. For tests; `search` calls it.
std::optional<std::size_t> decide(std::vector<Way>& ways, double max_drop, double least_speed_up);

nlohmann::ordered_json to_json(const SearchOutcome& outcome);

}  // namespace goshawk::optimize
