// goshawk eval-tracks: HOTA, CLEAR and Identity scores of tracking results in MOT text.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/data_set.h"
#include "apps/goshawk/drawing.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/progress_bar.h"
#include "apps/goshawk/run_folder.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/dataset/mot_text.h"
#include "goshawk/evaluate/mot_challenge.h"
#include "goshawk/evaluate/track_plots.h"
#include "goshawk/evaluate/track_report.h"
#include "goshawk/report/page.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::int64_t class_of(const std::string& text) {
  if (const auto number = number_in<std::int64_t>(text)) return *number;
  for (std::int64_t id = 1; !dataset::mot_class_name(id).empty(); ++id) {
    if (text == dataset::mot_class_name(id)) return id;
  }
  throw Error(ErrorCode::kUsage, "no class of the MOT Challenge: " + text, "--class",
              "Give a number, or a name such as pedestrian, car or bicycle.");
}

evaluate::MotEvaluation evaluation_of(const Invocation& call) {
  evaluate::MotEvaluation evaluation;
  evaluation.limits.stop = call.stop;
  if (call.has("benchmark")) {
    evaluation.rules = evaluate::mot_rules_of(call.options.at("benchmark"));
    if (!evaluation.rules) {
      throw Error(ErrorCode::kUsage, "no such benchmark: " + call.options.at("benchmark"), "--benchmark",
                  "One of MOT15, MOT16, MOT17, MOT20, plain.");
    }
  }
  if (call.has("class")) evaluation.category = class_of(call.options.at("class"));
  if (call.has("sequences")) evaluation.sequences = list_option(call, "sequences");
  return evaluation;
}

/// report.html: the figures, tables and plots. `rows`: with their sum behind them where there are several.
void write_page(const fs::path& file, std::span<const evaluate::TrackScores> rows, const std::string& rules,
                const std::vector<evaluate::NamedPlot>& plots) {
  const auto& all = rows.back();
  report::Page page("Tracking scores", fmt::format("{} sequence{}, {} frames, {} tracks, {} boxes; rules of {}",
                                                   std::max<std::size_t>(1, rows.size() - 1), rows.size() > 2 ? "s" : "",
                                                   all.frames, all.truth_tracks, all.truth_boxes, rules));
  const auto percent = [](double value) { return fmt::format("{:.1f}", 100 * value); };
  page.key_figures({{"HOTA", percent(evaluate::mean(all.hota.hota))},
                    {"MOTA", percent(all.clear.mota)},
                    {"IDF1", percent(all.identity.idf1)},
                    {"identity switches", std::to_string(all.clear.id_switches)}});
  const auto scores = evaluate::percent_table(rows), counts = evaluate::count_table(rows);
  page.section("Scores, in percent");
  page.table(scores.header, scores.rows);
  page.section("Counts");
  page.table(counts.header, counts.rows);
  page.section("HOTA over the overlap");
  page.paragraph(
      "HOTA joins how well objects are detected (DetA) and how long they keep their identity (AssA); the figure that is "
      "quoted "
      "is the mean over the overlaps.");
  for (const auto& plot : plots) page.figure({plot.png, plot.title});
  page.write(file);
}

void write_files(const fs::path& folder, const json& metrics, std::span<const evaluate::TrackScores> rows,
                 const std::string& rules) {
  write_file_atomically(folder / "metrics.json", json_text(metrics) + "\n");
  write_file_atomically(folder / "sequences.csv", evaluate::to_csv(rows));
  const auto shown = rows.size() == 2 ? rows.first(1) : rows;  // of one sequence, the sum says nothing new
  std::vector<evaluate::NamedPlot> plots;
  draw_or_warn([&] {
    plots = evaluate::track_plots(shown);
    for (const auto& plot : plots) write_file_atomically(folder / plot.file, plot.png);
  });
  write_page(folder / "report.html", shown, rules, plots);
}

int run_eval_tracks(const Invocation& call) {
  const auto evaluation = evaluation_of(call);
  const auto sequences = evaluate::find_mot_sequences(required_option(call, "gt"), required_option(call, "dt"), evaluation);
  if (call.has("out")) make_folder(call.options.at("out"));  // before the work, which it would lose
  for (const auto& file : sequences.unused) spdlog::warn("not evaluated, no ground truth of this name: {}", file.string());

  ProgressBar progress(call, "evaluating", sequences.found.size(), "sequences");
  std::vector<evaluate::TrackScores> rows;
  std::vector<std::string> rules;
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t start_of_work = std::clock();
  for (const auto& files : sequences.found) {
    if (call.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "interrupted; nothing was written");
    const auto prepared = evaluate::prepare_mot_sequence(files, evaluation);
    if (prepared.cut_confidences > 0) {
      spdlog::warn("{}: {} line{} not scored: a confidence between 0 and 1 counts as 0", files.truth.string(),
                   prepared.cut_confidences, prepared.cut_confidences == 1 ? " is" : "s are");
    }
    rows.push_back(evaluate::evaluate_tracks(prepared.sequence, call.stop));
    rules.emplace_back(evaluate::name(prepared.rules));
    progress.update(static_cast<std::int64_t>(rows.size()), files.name);
  }
  progress.finish();

  json metrics{{"sequences", json::array()}};
  for (std::size_t k = 0; k < rows.size(); ++k) {
    metrics["sequences"].push_back(evaluate::to_json(rows[k]));
    metrics["sequences"].back()["rules"] = rules[k];
  }
  rows.push_back(evaluate::combine_tracks(rows));
  metrics["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  metrics["processor_seconds"] = static_cast<double>(std::clock() - start_of_work) / CLOCKS_PER_SEC;
  metrics["combined"] = evaluate::to_json(rows.back());
  metrics["not_evaluated"] = json::array();
  for (const auto& file : sequences.unused) metrics["not_evaluated"].push_back(file.string());

  const std::set<std::string> used(rules.begin(), rules.end());
  const std::string rules_text = fmt::format("{}", fmt::join(used, ", "));
  if (call.has("out")) write_files(call.options.at("out"), metrics, rows, rules_text);
  if (call.json) {
    fmt::print("{}\n", json_text(metrics));
    return 0;
  }
  if (rows.size() == 2) rows.pop_back();  // of one sequence, the sum says nothing new
  fmt::print("rules of {}\n\n{}", rules_text, evaluate::to_tables(rows));
  if (call.has("out")) fmt::print("\nreport  {}\n", (fs::path(call.options.at("out")) / "report.html").string());
  return 0;
}

}  // namespace

Command eval_tracks_command() {
  Command command;
  command.name = "eval-tracks";
  command.group = Group::kData;
  command.summary = "Score tracking results: HOTA, MOTA, IDF1 and their parts";
  command.details =
      "Reads MOT text. --gt: gt.txt, or a folder with SEQ/gt/gt.txt (and SEQ/seqinfo.ini), SEQ/gt.txt or SEQ.txt. --dt: a "
      "file, the folder of a `goshawk track` run, or a folder with SEQ.txt, data/SEQ.txt or SEQ/mot.txt. The rules of the "
      "benchmark are told from the names of the sequences (MOT16-02) and from the classes, or given with --benchmark.";
  command.options = {
      {.flag = "gt", .placeholder = "PATH", .help = "ground truth: a file or a folder"},
      {.flag = "dt", .placeholder = "PATH", .help = "results: a file or a folder"},
      {.flag = "benchmark", .placeholder = "NAME", .help = "MOT15, MOT16, MOT17, MOT20 or plain (classes as they are)"},
      {.flag = "class", .placeholder = "CLASS", .help = "the class that counts, by name or number (pedestrian)"},
      {.flag = "sequences", .placeholder = "A,B", .help = "only these"},
      {.flag = "out", .placeholder = "FOLDER", .help = "write report.html, plots, metrics.json and sequences.csv there"},
  };
  command.json = true;
  command.examples = {"goshawk eval-tracks --gt MOT17/train --dt results/MOT17",
                      "goshawk eval-tracks --gt TUD-Campus/gt.txt --dt TUD-Campus/test.txt --json",
                      "goshawk eval-tracks --gt street/gt.txt --dt runs/track/street --out runs/eval/street"};
  command.run = run_eval_tracks;
  return command;
}

}  // namespace goshawk::cli
