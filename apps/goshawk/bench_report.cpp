#include "apps/goshawk/bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "apps/goshawk/drawing.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/benchmark/statistics.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/progress.h"
#include "goshawk/core/text.h"
#include "goshawk/report/page.h"

namespace goshawk::cli {
namespace {

using benchmark::Axis;
using benchmark::Interval;
using benchmark::LoadedInfo;
using benchmark::Result;
using benchmark::Stage;
using nlohmann::ordered_json;

/// One table of the report, for the terminal and for the page.
struct TitledTable {
  std::string title;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::string note;  // a line below; may be empty
};

/// Three digits that count: "0.123", "1.23", "12.3", "123".
std::string short_number(double value) {
  if (value < 0) return "-";
  return fmt::format("{:.{}f}", value, value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0);
}

std::string megabytes(double bytes) { return short_number(bytes / 1e6); }

std::string interval_text(const Interval& interval) {
  return fmt::format("{:.2f} ({:.2f} to {:.2f})", interval.value, interval.low, interval.high);
}

std::string input_text(const LoadedInfo& model) {
  return model.width > 0 ? fmt::format("{}x{}", model.width, model.height) : "-";
}

std::vector<const Result*> of_axis(const BenchFindings& findings, Axis axis) {
  std::vector<const Result*> found;
  for (const auto& result : findings.results) {
    if (result.axis == axis) found.push_back(&result);
  }
  return found;
}

std::vector<std::string> who(const LoadedInfo& model) {
  return {model.name, benchmark::setting_of(model), input_text(model)};
}

TitledTable latency_table(const BenchFindings& findings) {
  TitledTable table{"Time of a call, milliseconds",
                    {"model", "on", "input", "mean", "min", "p50", "p90", "p95", "p99", "max", "images/s"},
                    {},
                    ""};
  for (const auto* result : of_axis(findings, Axis::kNone)) {
    const auto s = summarize(result->samples);
    auto row = who(result->model);
    for (const double value : {s.mean, s.min, s.p50, s.p90, s.p95, s.p99, s.max}) row.push_back(short_number(value));
    row.push_back(short_number(throughput(result->samples)));
    table.rows.push_back(std::move(row));
  }
  return table;
}

TitledTable stage_table(const BenchFindings& findings) {
  TitledTable table{
      "Where the time goes, median milliseconds", {"model", "on", "decode", "prepare", "inference", "postprocess"}, {}, ""};
  for (const auto* result : of_axis(findings, Axis::kNone)) {
    const auto& model = result->model;
    const auto stage = [&](Stage which) { return short_number(summarize(result->samples, which).p50); };
    const bool all = model.detector;
    table.rows.push_back(
        {model.name, benchmark::setting_of(model), all ? short_number(findings.pictures.decode.p50 * model.batch) : "-",
         all ? stage(Stage::kPrepare) : "-", stage(Stage::kInference), all ? stage(Stage::kPostprocess) : "-"});
  }
  table.note = "decode: reading the pictures of a call, which is no part of the call (" + findings.pictures.what + ")";
  return table;
}

TitledTable cost_table(const BenchFindings& findings) {
  TitledTable table{
      "Loading and memory",
      {"model", "on", "file MB", "load ms", "without cache", "first call", "model MB", "mean MB", "peak MB", "CPU cores"},
      {},
      "load: from the file, or from the cache of compiled models where it holds this one. model MB: what loading it added "
      "to this process; mean and peak: of the whole process while it ran."};
  const auto& mains = of_axis(findings, Axis::kNone);
  const bool gpu =
      std::any_of(mains.begin(), mains.end(), [](const Result* r) { return r->samples.resources.device.looks > 0; });
  if (gpu) table.header.insert(table.header.end(), {"GPU MB mean", "GPU MB peak", "GPU use"});
  for (const auto* result : mains) {
    const auto& model = result->model;
    const auto& used = result->samples.resources;
    const double added = static_cast<double>(model.resident_after) -
                         static_cast<double>(std::min(model.resident_before, model.resident_after));
    std::vector<std::string> row{model.name,
                                 benchmark::setting_of(model),
                                 megabytes(static_cast<double>(model.bytes)),
                                 short_number(model.load_ms),
                                 short_number(result->compile_ms),
                                 short_number(result->samples.first_call_ms),
                                 megabytes(added),
                                 megabytes(used.resident.mean),
                                 megabytes(used.resident.peak),
                                 fmt::format("{:.2f}", used.cpu_cores)};
    if (gpu) {
      const bool there = used.device.looks > 0;
      row.push_back(there ? megabytes(used.device.mean) : "-");
      row.push_back(there ? megabytes(used.device.peak) : "-");
      row.push_back(used.gpu_utilization.looks > 0 ? fmt::format("{:.0f} %", 100 * used.gpu_utilization.mean) : "-");
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

TitledTable comparison_table(const BenchFindings& findings) {
  const auto mains = of_axis(findings, Axis::kNone);
  const Result& first = *mains[0];
  TitledTable table{"Against the first",
                    {"model", "on", "p50 ms", "times as fast", "file MB", "file size", "AP50-95", "AP against the first"},
                    {},
                    "times as fast: of the median time of an image, with the interval that holds 95 of 100 draws of the "
                    "rounds; one that holds 1 may be chance. All were measured in turns."};
  for (const auto* result : mains) {
    const auto& model = result->model;
    std::vector<std::string> row{model.name, benchmark::setting_of(model),
                                 short_number(summarize(result->samples).p50 / model.batch)};
    row.push_back(result == &first ? "1" : interval_text(speed_up(first.samples, result->samples, true)));
    row.push_back(megabytes(static_cast<double>(model.bytes)));
    row.push_back(fmt::format("{:.0f} %", 100 * static_cast<double>(model.bytes) / static_cast<double>(first.model.bytes)));
    row.push_back(result->ap >= 0 ? fmt::format("{:.4f}", result->ap) : "-");
    row.push_back(result->ap >= 0 && first.ap >= 0 && result != &first ? fmt::format("{:+.4f}", result->ap - first.ap)
                                                                       : "-");
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string value_on(const LoadedInfo& model, Axis axis) {
  switch (axis) {
    case Axis::kBatch:
      return std::to_string(model.batch);
    case Axis::kSize:
      return input_text(model);
    case Axis::kThreads:
      return std::to_string(model.threads);
    default:
      return std::to_string(model.streams);
  }
}

std::vector<TitledTable> sweep_tables(const BenchFindings& findings) {
  std::vector<TitledTable> tables;
  for (const Axis axis : {Axis::kBatch, Axis::kSize, Axis::kThreads, Axis::kStreams}) {
    const auto members = of_axis(findings, axis);
    if (members.empty()) continue;
    const std::string by = name(axis);
    TitledTable table{
        "By " + by, {"model", "on", by, "p50 ms", "p95 ms", "ms an image", "images/s", "peak MB", "CPU cores"}, {}, ""};
    for (const auto* result : members) {
      const auto s = summarize(result->samples);
      const auto& m = result->model;
      table.rows.push_back({m.name, fmt::format("{} {}", runtime::to_string(m.device), runtime::to_string(m.precision)),
                            value_on(m, axis), short_number(s.p50), short_number(s.p95),
                            short_number(1000 / throughput(result->samples)), short_number(throughput(result->samples)),
                            megabytes(result->samples.resources.resident.peak),
                            fmt::format("{:.2f}", result->samples.resources.cpu_cores)});
    }
    tables.push_back(std::move(table));
  }
  return tables;
}

/// AP and time of each, best first by neither: the front is marked.
TitledTable accuracy_table(const BenchFindings& findings) {
  const auto front = benchmark::pareto_front(findings.results);
  TitledTable table{"Accuracy and time", {"model", "on", "AP50-95", "ms an image", "on the front"}, {}, ""};
  for (std::size_t i = 0; i < findings.results.size(); ++i) {
    const auto& result = findings.results[i];
    if (result.ap < 0) continue;
    const bool on = std::find(front.begin(), front.end(), i) != front.end();
    table.rows.push_back({result.model.name, benchmark::setting_of(result.model), fmt::format("{:.4f}", result.ap),
                          short_number(summarize(result.samples).p50 / result.model.batch), on ? "yes" : "no"});
  }
  table.note = "on the front: no other one is both faster and more accurate.";
  return table;
}

std::vector<std::string> best_lines(const BenchFindings& findings) {
  std::vector<std::string> lines;
  for (const auto& [model, best] : findings.best) {
    const auto& fast = findings.results[best.latency];
    const auto& many = findings.results[best.throughput];
    lines.push_back(fmt::format("{}: shortest time with {}: {} ms a call; most images with {}: {} a second", model,
                                benchmark::setting_of(fast.model), short_number(summarize(fast.samples).p50),
                                benchmark::setting_of(many.model), short_number(throughput(many.samples))));
  }
  return lines;
}

TitledTable layer_table(const ModelLayers& layers, std::size_t most) {
  TitledTable table{fmt::format("Slowest layers of {} on {}", layers.model, runtime::to_string(layers.times.device)),
                    {"layer", "operation", "output", "ms", "share"},
                    {},
                    layers.note};
  for (std::size_t i = 0; i < std::min(most, layers.times.layers.size()); ++i) {
    const auto& layer = layers.times.layers[i];
    table.rows.push_back({layer.name, layer.operation, layer.output, fmt::format("{:.3f}", layer.ms),
                          fmt::format("{:.1f} %", 100 * layer.ms / layers.times.total_ms)});
  }
  return table;
}

TitledTable baseline_table(const BenchFindings& findings) {
  const BaselineCheck& check = *findings.baseline;
  TitledTable table{"Against " + check.file, {"model", "on", "before ms", "now ms", "times as long", "verdict"}, {}, ""};
  for (const auto& change : check.changes) {
    const auto& now = findings.results[change.now];
    const auto& before = check.before[change.before];
    table.rows.push_back({now.model.name, benchmark::setting_of(now.model), short_number(summarize(before.samples).p50),
                          short_number(summarize(now.samples).p50), interval_text(change.slowdown),
                          change.worse    ? "SLOWER"
                          : change.better ? "faster"
                                          : "the same"});
  }
  table.note = fmt::format("slower: the interval excludes 1, and it is more than {:.0f} %.", 100 * check.tolerance);
  if (check.other_machine) table.note += " That run was on another machine, so that times differ for that reason too.";
  return table;
}

std::vector<TitledTable> all_tables(const BenchFindings& findings, std::size_t most_layers) {
  std::vector<TitledTable> tables{latency_table(findings), stage_table(findings), cost_table(findings)};
  if (findings.compared) tables.push_back(comparison_table(findings));
  const bool accuracy = std::any_of(findings.results.begin(), findings.results.end(), [](auto& r) { return r.ap >= 0; });
  if (accuracy && !findings.compared) tables.push_back(accuracy_table(findings));
  for (auto& table : sweep_tables(findings)) tables.push_back(std::move(table));
  for (const auto& layers : findings.layers) tables.push_back(layer_table(layers, most_layers));
  if (findings.baseline) tables.push_back(baseline_table(findings));
  return tables;
}

std::string value_text(const nlohmann::ordered_json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// "machine processor": "Intel ...", and so on, for a page and for each row of the CSV.
std::vector<std::pair<std::string, std::string>> flat_record(const ordered_json& record) {
  std::vector<std::pair<std::string, std::string>> flat;
  for (const auto& [group, value] : record.items()) {
    if (!value.is_object()) {
      flat.emplace_back(group, value_text(value));
      continue;
    }
    for (const auto& [key, item] : value.items()) flat.emplace_back(group + " " + key, value_text(item));
  }
  return flat;
}

ordered_json layers_json(const ModelLayers& layers) {
  ordered_json list = ordered_json::array();
  for (const auto& layer : layers.times.layers) {
    list.push_back({{"name", layer.name},
                    {"operation", layer.operation},
                    {"provider", layer.provider},
                    {"output", layer.output},
                    {"ms", layer.ms}});
  }
  return {{"model", layers.model},
          {"device", runtime::to_string(layers.times.device)},
          {"provider", layers.times.provider},
          {"total_ms", layers.times.total_ms},
          {"note", layers.note},
          {"layers", list}};
}

ordered_json interval_json(const Interval& interval) {
  return {{"value", interval.value}, {"low", interval.low}, {"high", interval.high}};
}

ordered_json baseline_json(const BenchFindings& findings) {
  const BaselineCheck& check = *findings.baseline;
  ordered_json changes = ordered_json::array();
  for (const auto& change : check.changes) {
    const auto& model = findings.results[change.now].model;
    changes.push_back({{"model", model.name},
                       {"setting", benchmark::setting_of(model)},
                       {"result", change.now},
                       {"slowdown", interval_json(change.slowdown)},
                       {"worse", change.worse},
                       {"better", change.better}});
  }
  return {{"file", check.file},
          {"tolerance", check.tolerance},
          {"other_machine", check.other_machine},
          {"failed", check.failed()},
          {"changes", changes}};
}

ordered_json comparison_json(const BenchFindings& findings) {
  ordered_json list = ordered_json::array();
  const auto mains = of_axis(findings, Axis::kNone);
  for (std::size_t i = 1; i < mains.size(); ++i) {
    const auto& first = *mains[0];
    const auto& other = *mains[i];
    ordered_json one{{"model", other.model.name},
                     {"setting", benchmark::setting_of(other.model)},
                     {"speed_up", interval_json(speed_up(first.samples, other.samples, true))},
                     {"throughput_gain", interval_json(throughput_gain(first.samples, other.samples, true))},
                     {"bytes", static_cast<double>(other.model.bytes) / static_cast<double>(first.model.bytes)}};
    if (first.ap >= 0 && other.ap >= 0) one["AP_change"] = other.ap - first.ap;
    list.push_back(std::move(one));
  }
  return list;
}

void add_table(report::Page& page, const TitledTable& table) {
  page.section(table.title);
  page.table(table.header, table.rows);
  if (!table.note.empty()) page.paragraph(table.note);
}

std::vector<std::pair<std::string, std::string>> key_figures(const BenchFindings& findings) {
  std::vector<std::pair<std::string, std::string>> figures;
  const auto mains = of_axis(findings, Axis::kNone);
  constexpr std::size_t kMost = 4;
  for (std::size_t i = 0; i < std::min(kMost, mains.size()); ++i) {
    const auto& result = *mains[i];
    figures.emplace_back(result.model.name + ", " + benchmark::setting_of(result.model),
                         short_number(summarize(result.samples).p50) + " ms");
  }
  if (findings.baseline) figures.emplace_back("against the baseline", findings.baseline->failed() ? "slower" : "held");
  return figures;
}

}  // namespace

bool BaselineCheck::failed() const {
  return std::any_of(changes.begin(), changes.end(), [](const auto& change) { return change.worse; });
}

ordered_json findings_json(const BenchFindings& findings) {
  ordered_json document{{"format", "goshawk bench 1"}, {"record", findings.record}};
  document["pictures"] = {{"what", findings.pictures.what},
                          {"decode_ms",
                           {{"mean", findings.pictures.decode.mean},
                            {"p50", findings.pictures.decode.p50},
                            {"p95", findings.pictures.decode.p95},
                            {"count", findings.pictures.decode.count}}}};
  ordered_json results = ordered_json::array(), best = ordered_json::array(), layers = ordered_json::array();
  for (const auto& result : findings.results) results.push_back(benchmark::to_json(result));
  for (const auto& [model, places] : findings.best) {
    best.push_back(
        {{"model", model},
         {"latency", {{"result", places.latency}, {"setting", setting_of(findings.results[places.latency].model)}}},
         {"throughput",
          {{"result", places.throughput}, {"setting", setting_of(findings.results[places.throughput].model)}}}});
  }
  for (const auto& one : findings.layers) layers.push_back(layers_json(one));
  document["best"] = best;
  if (findings.compared) document["comparison"] = comparison_json(findings);
  if (const auto front = benchmark::pareto_front(findings.results); !front.empty()) document["pareto_front"] = front;
  document["layers"] = layers;
  if (findings.baseline) document["baseline"] = baseline_json(findings);
  document["notes"] = findings.notes;
  if (!findings.profile.empty()) document["profile"] = findings.profile;
  document["results"] = results;
  return document;
}

std::string findings_text(const BenchFindings& findings) {
  constexpr std::size_t kMostLayers = 10;
  const auto width = static_cast<std::size_t>(std::clamp(terminal_width(stdout), 60, 120));
  std::string text;
  for (const auto& titled : all_tables(findings, kMostLayers)) {
    Table table(titled.header);
    for (const auto& row : titled.rows) table.add_row(row);
    text += titled.title + "\n\n" + shown(table) + (titled.note.empty() ? "" : wrap(titled.note, width, 0) + "\n") + "\n";
  }
  for (const auto& line : best_lines(findings)) text += line + "\n";
  for (const auto& note : findings.notes) text += note + "\n";
  if (!findings.profile.empty()) text += "saved in the profile " + findings.profile + "\n";
  return text;
}

void write_results(const BenchFindings& findings, const std::filesystem::path& folder) {
  write_file_atomically(folder / "results.csv", benchmark::to_csv(findings.results, flat_record(findings.record)));
  write_file_atomically(folder / "results.json", json_text(findings_json(findings), 1) + "\n");
}

std::vector<benchmark::NamedPlot> write_plots(const BenchFindings& findings, const std::filesystem::path& folder) {
  std::vector<benchmark::NamedPlot> plots;
  draw_or_warn([&] {
    plots = benchmark::benchmark_plots(findings.results);
    for (std::size_t i = 0; i < findings.layers.size(); ++i) {
      plots.push_back(benchmark::layers_plot(findings.layers[i].times, findings.layers[i].model));
      if (i > 0) plots.back().file = fmt::format("layers{}.png", i + 1);
    }
    for (const auto& plot : plots) write_file_atomically(folder / plot.file, plot.png);
  });
  return plots;
}

void write_page(const BenchFindings& findings, const std::vector<benchmark::NamedPlot>& plots,
                const std::filesystem::path& folder) {
  const auto& machine = findings.record.at("machine");
  report::Page page("Benchmark", fmt::format("{}, {} cores; {}", machine.at("processor").get<std::string>(),
                                             machine.at("cores").get<int>(), findings.record.at("time").get<std::string>()));
  page.key_figures(key_figures(findings));
  for (const auto& line : best_lines(findings)) page.paragraph(line + ".");
  if (!plots.empty()) page.section("Pictures");
  std::vector<report::Picture> pictures;
  for (const auto& plot : plots) pictures.push_back({plot.png, plot.title});
  if (!plots.empty()) page.pictures(pictures, 480);
  constexpr std::size_t kMostLayers = 15;
  for (const auto& table : all_tables(findings, kMostLayers)) add_table(page, table);
  if (!findings.notes.empty()) page.section("Notes");
  for (const auto& note : findings.notes) page.paragraph(note);
  page.section("Measured with");
  std::vector<std::vector<std::string>> rows;
  for (const auto& [title, value] : flat_record(findings.record)) rows.push_back({title, value});
  for (const auto* result : of_axis(findings, Axis::kNone)) {
    rows.push_back({result->model.name + " on", result->model.provider + ", model " + result->model.sha256.substr(0, 16)});
  }
  page.table({"what", "value"}, rows);
  page.write(folder / "report.html");
}

}  // namespace goshawk::cli
