// Results as JSON and CSV, and the way back.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "goshawk/benchmark/statistics.h"
#include "goshawk/benchmark/suite.h"

namespace goshawk::benchmark {

/// Every figure of a result, and the times of up to 50 calls a round, out of which a later run can draw.
nlohmann::ordered_json to_json(const Result& result);

/// A table with one row a result. `record`: columns that say where the figures come from, the same in each row.
std::string to_csv(const std::vector<Result>& results, const std::vector<std::pair<std::string, std::string>>& record);

/// The results of a document that has `results` as `to_json` writes them: settings and times, as far as a comparison needs.
/// Throws Error{kBadData} with the place for what is no such document.
std::vector<Result> parse_results(const nlohmann::json& document, const std::string& where);

/// A result beside an earlier one of the same model name, device, precision, batch, input size, threads and streams.
struct Change {
  std::size_t now = 0, before = 0;  // places in the two lists
  // How many times as long a call takes now (several streams: how many times fewer images a second): above 1 is slower.
  Interval slowdown;
  bool worse = false, better = false;  // beyond noise: the interval excludes 1, and it is more than the tolerance
};

/// Every result of `now` that has a counterpart. `tolerance`: 0.05 is 5 %; what differs by less may be another day's
/// machine.
std::vector<Change> compare_results(const std::vector<Result>& now, const std::vector<Result>& before, double tolerance);

}  // namespace goshawk::benchmark
