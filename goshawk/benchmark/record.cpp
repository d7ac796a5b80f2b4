#include "goshawk/benchmark/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"

namespace goshawk::benchmark {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::size_t kCallsKept = 50;  // a round
constexpr std::size_t kMostRounds = 10'000;

constexpr std::array kAxes{Axis::kNone, Axis::kBatch, Axis::kSize, Axis::kThreads, Axis::kStreams};
constexpr std::array<std::pair<Stage, const char*>, 3> kStages{
    {{Stage::kPrepare, "prepare"}, {Stage::kInference, "inference"}, {Stage::kPostprocess, "postprocess"}}};

double rounded(double value) { return std::round(value * 1e4) / 1e4; }

ordered_json to_json(const LatencySummary& s) {
  return {{"calls", s.count},      {"mean", rounded(s.mean)}, {"min", rounded(s.min)}, {"max", rounded(s.max)},
          {"p50", rounded(s.p50)}, {"p90", rounded(s.p90)},   {"p95", rounded(s.p95)}, {"p99", rounded(s.p99)}};
}

ordered_json to_json(const Level& level) {
  return {{"now", std::round(level.now)}, {"mean", std::round(level.mean)}, {"peak", std::round(level.peak)}};
}

ordered_json memory_json(const Result& result) {
  const auto& model = result.model;
  const auto& resources = result.samples.resources;
  ordered_json memory{{"before_loading", model.resident_before},
                      {"after_loading", model.resident_after},
                      {"resident", to_json(resources.resident)}};
  if (resources.device.looks == 0) return memory;
  memory["device_before_loading"] = model.device_before;
  memory["device_after_loading"] = model.device_after;
  memory["device"] = to_json(resources.device);
  return memory;
}

ordered_json rounds_json(const Samples& samples) {
  ordered_json rounds = ordered_json::array();
  for (const auto& round : samples.rounds) {
    ordered_json calls = ordered_json::array();
    const std::size_t kept = std::min(kCallsKept, round.total.size());
    for (std::size_t i = 0; i < kept; ++i) {
      calls.push_back(rounded(static_cast<double>(round.total[i * round.total.size() / kept])));
    }
    rounds.push_back({{"wall_ms", rounded(round.wall_ms)}, {"calls", round.calls}, {"ms", std::move(calls)}});
  }
  return rounds;
}

Axis parse_axis(const std::string& text) {
  for (const Axis axis : kAxes) {
    if (text == name(axis)) return axis;
  }
  throw Error(ErrorCode::kBadData, "unknown axis '" + text + "'");
}

/// A time of a file: finite and not negative.
double parse_time(const json& value) {
  const auto time = value.get<double>();
  if (!std::isfinite(time) || time < 0) throw Error(ErrorCode::kBadData, "a time is no time");
  return time;
}

/// The times that were kept, and how many calls were made; where that is not said, all were kept.
Round parse_round(const json& document) {
  constexpr double kMostCalls = 1e12;
  Round round;
  for (const auto& time : document.at("ms")) round.total.push_back(static_cast<float>(parse_time(time)));
  const double calls = document.contains("calls") ? parse_time(document["calls"]) : static_cast<double>(round.total.size());
  if (round.total.empty() || calls < 1) throw Error(ErrorCode::kBadData, "a round without calls");
  if (calls > kMostCalls) throw Error(ErrorCode::kBadData, "too many calls");
  round.calls = static_cast<std::size_t>(calls);
  round.wall_ms = parse_time(document.at("wall_ms"));
  return round;
}

Result parse_result(const json& document) {
  Result result;
  result.axis = parse_axis(document.at("axis").get<std::string>());
  auto& model = result.model;
  model.name = document.at("model").get<std::string>();
  model.device = runtime::parse_device(document.at("device").get<std::string>());
  model.precision = runtime::parse_precision(document.at("precision").get<std::string>());
  model.batch = document.at("batch").get<int>();
  model.threads = document.at("threads").get<int>();
  model.streams = document.at("streams").get<int>();
  model.width = document.at("input").at("width").get<int>();
  model.height = document.at("input").at("height").get<int>();
  result.samples.name = model.name;
  result.samples.items = model.batch;
  result.samples.streams = model.streams;
  if (model.batch < 1 || model.streams < 1) throw Error(ErrorCode::kBadData, "a batch or streams below 1");
  const json& rounds = document.at("rounds");
  if (!rounds.is_array() || rounds.empty() || rounds.size() > kMostRounds) {
    throw Error(ErrorCode::kBadData, "no rounds, or too many");
  }
  for (const auto& round : rounds) result.samples.rounds.push_back(parse_round(round));
  return result;
}

bool same_setting(const LoadedInfo& a, const LoadedInfo& b) {
  return a.name == b.name && a.device == b.device && a.precision == b.precision && a.batch == b.batch &&
         a.width == b.width && a.height == b.height && a.threads == b.threads && a.streams == b.streams;
}

Interval slowdown_of(const Samples& now, const Samples& before) {
  return now.streams > 1 ? throughput_gain(now, before, false) : speed_up(now, before, false);
}

}  // namespace

ordered_json to_json(const Result& result) {
  const auto& model = result.model;
  const Samples& samples = result.samples;
  const Interval p50 = median(samples);
  ordered_json latency = to_json(summarize(samples));
  latency["p50_interval"] = {rounded(p50.low), rounded(p50.high)};
  ordered_json stages;
  for (const auto& [stage, title] : kStages) {
    if (model.detector || stage == Stage::kInference) stages[title] = to_json(summarize(samples, stage));
  }
  ordered_json load{{"ms", rounded(model.load_ms)}, {"from_cache", model.from_cache}};
  if (result.compile_ms >= 0) load["without_cache_ms"] = rounded(result.compile_ms);
  load["first_call_ms"] = rounded(samples.first_call_ms);
  ordered_json document{{"axis", name(result.axis)},
                        {"group", result.group},
                        {"model", model.name},
                        {"file", model.model.filename().string()},
                        {"sha256", model.sha256},
                        {"bytes", model.bytes},
                        {"device", runtime::to_string(model.device)},
                        {"precision", runtime::to_string(model.precision)},
                        {"provider", model.provider},
                        {"batch", model.batch},
                        {"threads", model.threads},
                        {"streams", model.streams},
                        {"input", {{"width", model.width}, {"height", model.height}}},
                        {"latency_ms", latency},
                        {"stages_ms", stages},
                        {"images_per_second", rounded(throughput(samples))},
                        {"load", load},
                        {"memory_bytes", memory_json(result)},
                        {"cpu_cores", rounded(samples.resources.cpu_cores)}};
  if (samples.resources.gpu_utilization.looks > 0) {
    document["gpu_utilization"] = {{"mean", rounded(samples.resources.gpu_utilization.mean)},
                                   {"peak", rounded(samples.resources.gpu_utilization.peak)}};
  }
  if (!model.note.empty()) document["note"] = model.note;
  if (result.ap >= 0) document["AP"] = rounded(result.ap);
  document["rounds"] = rounds_json(samples);
  return document;
}

std::string to_csv(const std::vector<Result>& results, const std::vector<std::pair<std::string, std::string>>& record) {
  std::string text =
      "axis,model,device,precision,batch,threads,streams,width,height,calls,mean_ms,min_ms,p50_ms,p90_ms,p95_ms,p99_ms,"
      "max_ms,prepare_p50_ms,inference_p50_ms,postprocess_p50_ms,images_per_second,load_ms,load_without_cache_ms,"
      "model_bytes,resident_mean_bytes,resident_peak_bytes,device_peak_bytes,cpu_cores,AP,sha256,provider";
  for (const auto& [title, value] : record) text += "," + csv_field(title);
  text += "\n";
  for (const auto& r : results) {
    const auto s = summarize(r.samples);
    const auto& m = r.model;
    const auto& used = r.samples.resources;
    const auto measured = [](double value) { return value >= 0 ? fmt::format("{:.4f}", value) : std::string(); };
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},", name(r.axis), csv_field(m.name), runtime::to_string(m.device),
                        runtime::to_string(m.precision), m.batch, m.threads, m.streams, m.width, m.height, s.count);
    text +=
        fmt::format("{:.4f},{:.4f},{:.4f},{:.4f},{:.4f},{:.4f},{:.4f},", s.mean, s.min, s.p50, s.p90, s.p95, s.p99, s.max);
    for (const auto& [stage, title] : kStages) text += fmt::format("{:.4f},", summarize(r.samples, stage).p50);
    text += fmt::format("{:.3f},{:.2f},{},{},{:.0f},{:.0f},{:.0f},{:.3f},{},{},{}", throughput(r.samples), m.load_ms,
                        measured(r.compile_ms), m.bytes, used.resident.mean, used.resident.peak, used.device.peak,
                        used.cpu_cores, measured(r.ap), m.sha256, csv_field(m.provider));
    for (const auto& [title, value] : record) text += "," + csv_field(value);
    text += "\n";
  }
  return text;
}

std::vector<Result> parse_results(const json& document, const std::string& where) {
  if (!document.is_object() || !document.contains("results") || !document["results"].is_array()) {
    throw Error(ErrorCode::kBadData, "this is no file of `goshawk bench`: it has no results", where);
  }
  std::vector<Result> results;
  for (const auto& item : document["results"]) {
    const std::string place = where + ", results[" + std::to_string(results.size()) + "]";
    try {
      results.push_back(parse_result(item));
    } catch (const json::exception& error) {
      throw Error(ErrorCode::kBadData, std::string("this is no result of `goshawk bench`: ") + error.what(), place);
    } catch (const Error& error) {
      throw Error(ErrorCode::kBadData, error.what(), place);
    }
  }
  return results;
}

std::vector<Change> compare_results(const std::vector<Result>& now, const std::vector<Result>& before, double tolerance) {
  std::vector<Change> changes;
  std::set<std::size_t> used;  // one setting may be there twice: as itself and in a sweep
  for (std::size_t i = 0; i < now.size(); ++i) {
    const auto same = [&](const Result& old) { return same_setting(old.model, now[i].model); };
    auto found =
        std::find_if(before.begin(), before.end(), [&](const Result& old) { return old.axis == now[i].axis && same(old); });
    if (found == before.end()) found = std::find_if(before.begin(), before.end(), same);
    const auto place = static_cast<std::size_t>(found - before.begin());
    if (found == before.end() || !used.insert(place).second) continue;
    Change change{i, place, slowdown_of(now[i].samples, found->samples), false, false};
    change.worse = change.slowdown.low > 1 && change.slowdown.value > 1 + tolerance;
    change.better = change.slowdown.high < 1 && change.slowdown.value < 1 / (1 + tolerance);
    changes.push_back(change);
  }
  return changes;
}

}  // namespace goshawk::benchmark
