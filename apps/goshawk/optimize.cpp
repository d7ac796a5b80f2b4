// goshawk optimize: the fastest way to run a model here within an allowed loss of accuracy, chosen by measuring.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "apps/goshawk/data_set.h"
#include "apps/goshawk/describe.h"
#include "apps/goshawk/detect_on_set.h"
#include "apps/goshawk/drawing.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/optimize_commands.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/options.h"
#include "apps/goshawk/run_folder.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/optimize/artefact.h"
#include "goshawk/optimize/search.h"
#include "goshawk/report/page.h"
#include "goshawk/report/plot.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

std::string verdict(const optimize::SearchOutcome& outcome, std::size_t i) {
  if (outcome.best == i) return "best";
  return outcome.ways[i].refused;
}

std::vector<std::string> cells(const optimize::SearchOutcome& outcome, std::size_t i) {
  const auto& way = outcome.ways[i];
  const double drop = 100 * (outcome.ways[0].accuracy.ap - way.accuracy.ap);
  return {way.name + (way.on_front ? " *" : ""),
          megabytes(way.bytes),
          points(way.accuracy.ap),
          way.accuracy.ap < 0 ? "-" : fmt::format("{:.2f}", drop),
          way.measured ? fmt::format("{:.2f}", way.latency_ms) : "-",
          way.measured ? fmt::format("{:.2f}", way.speed_up.value) : "-",
          verdict(outcome, i)};
}

const std::vector<std::string> kHeader{"way", "size", "AP50-95", "drop", "ms a picture", "times faster", "verdict"};

std::string pareto_plot(const optimize::SearchOutcome& outcome) {
  report::Figure figure;
  figure.title = "accuracy against latency";
  figure.x.label = "ms a picture, median, end to end";
  figure.y.label = "AP50-95";
  std::vector<report::Series> series;
  const auto add = [&](const std::string& name, auto&& holds) {
    report::Series one;
    one.name = name;
    for (std::size_t i = 0; i < outcome.ways.size(); ++i) {
      const auto& way = outcome.ways[i];
      if (!way.measured || !holds(i, way)) continue;
      one.x.push_back(way.latency_ms);
      one.y.push_back(100 * way.accuracy.ap);
    }
    if (!one.x.empty()) series.push_back(std::move(one));
  };
  add("original", [](std::size_t i, const auto&) { return i == 0; });
  add("best", [&](std::size_t i, const auto&) { return outcome.best == i; });
  add("Pareto front", [&](std::size_t i, const auto& way) { return i != 0 && outcome.best != i && way.on_front; });
  add("others", [&](std::size_t i, const auto& way) { return i != 0 && outcome.best != i && !way.on_front; });
  return report::scatter_chart(figure, series);
}

void write_report(const optimize::SearchOutcome& outcome, const std::string& model, const ordered_json& document,
                  const fs::path& folder, double max_drop) {
  write_file_atomically(folder / "report.json", json_text(document));
  std::string csv = "way,bytes,AP,latency_ms,speed_up,on_front,verdict\n";
  for (std::size_t i = 0; i < outcome.ways.size(); ++i) {
    const auto& way = outcome.ways[i];
    csv += fmt::format("{},{},{},{},{},{},{}\n", csv_field(way.name), way.bytes, way.accuracy.ap, way.latency_ms,
                       way.speed_up.value, way.on_front ? 1 : 0, csv_field(verdict(outcome, i)));
  }
  write_file_atomically(folder / "ways.csv", csv);
  report::Page page(
      "Optimizing " + model,
      fmt::format("{} calibration pictures, {} evaluation pictures, up to {:.2f} points of AP50-95 may be lost",
                  outcome.calibration_images, outcome.evaluation_images, max_drop));
  if (outcome.best) {
    const auto& best = outcome.ways[*outcome.best];
    page.key_figures({{"best", best.name},
                      {"times faster", fmt::format("{:.2f}", best.speed_up.value)},
                      {"ms a picture", fmt::format("{:.2f}", best.latency_ms)},
                      {"AP50-95", points(best.accuracy.ap)},
                      {"size", megabytes(best.bytes)}});
  } else {
    page.paragraph(
        "Nothing that was tried is both within the allowed loss and surely faster than the original on this machine.");
  }
  page.section("What was tried");
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < outcome.ways.size(); ++i) rows.push_back(cells(outcome, i));
  page.table(kHeader, rows);
  page.paragraph(
      "* on the Pareto front: nothing else that was tried is both faster and more accurate. All were timed in turns in one "
      "run.");
  draw_or_warn([&] {
    const auto picture = pareto_plot(outcome);
    write_file_atomically(folder / "pareto.png", picture);
    page.figure({picture, "AP50-95 against the median time of a picture"});
  });
  if (!outcome.notes.empty()) {
    page.section("What was not tried");
    for (const auto& line : outcome.notes) page.paragraph(line);
  }
  page.write(folder / "report.html");
}

/// The best way's file, with its recipe and vectors, under its final name.
void write_best(const optimize::Way& best, const fs::path& model, const fs::path& target, const Invocation& call) {
  const auto source = onnx::read_model(best.file);
  const auto device = judged_options(call);
  optimize::ArtefactOptions artefact;
  artefact.session = device.session;
  artefact.session.device = best.device;
  artefact.session.precision = best.precision;
  artefact.arithmetic = best.eight_bits ? optimize::Arithmetic::kInt8 : optimize::Arithmetic::kFp32;
  artefact.step = best.made;
  artefact.step["measured"] = {{"AP", best.accuracy.ap},
                               {"latency_ms", best.latency_ms},
                               {"speed_up", best.speed_up.value},
                               {"device", runtime::to_string(best.device)},
                               {"precision", runtime::to_string(best.precision)}};
  const auto detector = detect::Detector::load(best.file, {});
  optimize::write_artefact(source, detector->recipe(), model, target, artefact);
}

/// Empty for all that are here, which `auto` and `all` mean.
std::vector<runtime::Device> devices_of(const Invocation& call) {
  std::vector<runtime::Device> devices;
  for (const auto& word : list_option(call, "devices")) {
    if (word == "all") return {};
    devices.push_back(runtime::parse_device(word));
    if (devices.back().kind == runtime::DeviceKind::kAuto) return {};
  }
  return devices;
}

int run_optimize(const Invocation& call) {
  const fs::path model = resolve_model(call.argument(0)).path;
  optimize::SearchOptions options;
  options.device = judged_options(call);
  options.max_drop = number_option(call, "max-drop", 0, 100).value_or(1.0);
  options.least_speed_up = number_option(call, "min-speedup", 1, 1000).value_or(1.0);
  options.time_ms = static_cast<int>(1000 * number_option(call, "time", 0.1, 600).value_or(2.0));
  options.resume = call.has("resume");
  options.stop = call.stop;
  StepBars bars(call);
  options.progress = [&](const std::string& doing, std::int64_t done, std::int64_t total) { bars(doing, done, total); };
  options.log = [](const std::string& line) { spdlog::warn(line); };
  options.devices = devices_of(call);
  const auto material = read_material(call, 64, 64);
  if (!material.evaluation) {
    throw Error(ErrorCode::kBadConfig, "there are no labelled pictures to judge on", required_option(call, "data"),
                "The search needs labels: no model is called better unmeasured. `goshawk quantize` works without.");
  }
  std::optional<RunFolder> fresh;
  fs::path folder;
  if (options.resume) {
    folder = call.options.at("resume");
    if (!fs::is_directory(folder)) throw Error(ErrorCode::kNotFound, "there is no such run", folder.string());
    refuse_other_folder(call, folder);
  } else {
    folder = fresh.emplace(call, model.string()).path();
  }
  auto outcome = [&] {
    try {
      return optimize::search(model, material, folder, options);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kInterrupted) throw;
      throw Error(error.code(), error.what(), folder.string(),
                  fmt::format("--resume {} goes on with it", shell_word(folder.string())));
    }
  }();
  bars.finish();
  auto document = optimize::to_json(outcome);
  document["model"] = model.string();
  document["max_drop"] = options.max_drop;
  document["machine"] = describe_this_machine();
  const fs::path target = folder / (model.stem().string() + "-optimized.onnx");
  fs::remove(target);  // of a former run: what this one refuses is not left as if it were the best
  if (outcome.best) {
    write_best(outcome.ways[*outcome.best], model, target, call);
    document["written"] = target.string();
  }
  write_report(outcome, model.filename().string(), document, folder, options.max_drop);
  if (call.json) {
    fmt::print("{}\n", json_text(document));
  } else {
    Table table(kHeader);
    for (std::size_t i = 0; i < outcome.ways.size(); ++i) table.add_row(cells(outcome, i));
    fmt::print("{}* on the Pareto front\n\n", shown(table));
    if (outcome.best) {
      const auto& best = outcome.ways[*outcome.best];
      fmt::print("{}\nuse it with --model {} --device {} --precision {}\n", target.string(), shell_word(target.string()),
                 runtime::to_string(best.device), runtime::to_string(best.precision));
    }
    fmt::print("{}\n", (folder / "report.html").string());
  }
  if (!outcome.best) {
    throw Error(ErrorCode::kBadData,
                "nothing passes: no way that was tried is within the allowed loss and surely faster here", model.string(),
                "The report says why each was refused: " + (folder / "report.html").string());
  }
  return 0;
}

}  // namespace

Command optimize_command() {
  Command command;
  command.name = "optimize";
  command.group = Group::kModels;
  command.summary = "Find the fastest form of a model that stays accurate";
  command.details =
      "Tries what this machine has: FP32, BF16 or FP16, and INT8 laid out for each provider; measures AP on labelled "
      "pictures that "
      "were not calibrated with, times all in turns, and writes the fastest within the drop as a verified model to "
      "runs/optimize/NAME/, with a report that says why each other was refused. The original stays as it is.";
  command.positionals = {{.name = "MODEL", .help = "model file or name"}};
  command.settings = session_settings({"detect.recipe", "detect.names", "detect.classes", "output.project", "output.name"});
  command.options = {{"data", "DATASET", "data.yaml, instances.json, folder or archive of labelled images"},
                     from_flag(),
                     map_flag(),
                     {"max-drop", "POINTS", "of AP50-95 (of 100) that may be lost; else 1.0"},
                     {"min-speedup", "TIMES", "that the best must be faster than the original; else 1"},
                     {"images", "N", "pictures to calibrate with, 0 for all; else 64"},
                     {"eval-images", "N", "pictures to judge on, 0 for all; else 64"},
                     {"devices", "A,B,...", "devices to try; else all that are here"},
                     {"time", "SECONDS", "that each way is timed; else 2"},
                     {"resume", "RUN", "folder of an interrupted search, which goes on"}};
  command.json = true;
  command.examples = {"goshawk optimize yolov8n.onnx --data coco128/data.yaml --max-drop 1.0",
                      "goshawk optimize yolov8n.onnx --data data.yaml --devices cpu,openvino --min-speedup 1.2"};
  command.run = run_optimize;
  return command;
}

}  // namespace goshawk::cli
