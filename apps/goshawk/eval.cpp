// goshawk eval: how good a model is on a labelled data set, and where it errs.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/data_set.h"
#include "apps/goshawk/detect_on_set.h"
#include "apps/goshawk/eval_compare.h"
#include "apps/goshawk/eval_files.h"
#include "apps/goshawk/eval_model.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/run_folder.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/document.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/statistics.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// --at is no lower than --conf: below it nothing is kept. Throws Error{kUsage} where the user gave both otherwise.
evaluate::DetectorMetricsOptions metrics_options(const Invocation& call) {
  evaluate::DetectorMetricsOptions options;
  options.confidence = number_option(call, "at", 0, 1).value_or(options.confidence);
  options.stop = call.stop;
  const double least = call.config.number("detect.conf");
  if (options.confidence >= least) return options;
  if (call.has("at") && call.config.entry("detect.conf").layer != ConfigLayer::kDefault) {
    throw Error(ErrorCode::kUsage, fmt::format("no detection below confidence {} is kept", least), "--at",
                "Raise --at or lower --conf.");
  }
  spdlog::warn("no detection below confidence {0} is kept: AP is of those above, and the mistakes are at {0} instead of {1}",
               least, options.confidence);
  options.confidence = least;
  return options;
}

void print_table(const dataset::Dataset& truth, const evaluate::DetectorMetrics& metrics, const ModelAnswers& answers,
                 const json& document, const fs::path& folder) {
  const auto& s = metrics.summary;
  fmt::print("{} on {}; {} ({})\n\n", answers.name, evaluated_text(document), answers.model["device"].get<std::string>(),
             answers.model["precision"].get<std::string>());
  Table table({"class", "images", "objects", "P", "R", "F1", "conf", "AP50", "AP75", "AP50-95"});
  std::vector<std::size_t> images(truth.categories.size());
  std::vector<std::int64_t> last(truth.categories.size(), -1);
  for (const auto& annotation : truth.annotations) {
    if (annotation.crowd || last[annotation.category] == annotation.image) continue;
    last[annotation.category] = annotation.image;
    ++images[annotation.category];
  }
  const auto add = [&](const std::string& name, const std::string& on, std::int64_t objects,
                       const evaluate::OperatingPoint& p, const std::string& at, double ap50, double ap75, double ap) {
    table.add_row({name, on, std::to_string(objects), figure(p.precision), figure(p.recall), figure(p.f1), at, figure(ap50),
                   figure(ap75), figure(ap)});
  };
  add("all", std::to_string(truth.images.size()), static_cast<std::int64_t>(dataset::object_count(truth)),
      metrics.curves.mean_at_best, "best", s.ap50, s.ap75, s.ap);
  for (std::size_t c = 0; c < truth.categories.size(); ++c) {
    const auto& result = metrics.classes[c];
    if (result.objects == 0) continue;
    const auto& best = metrics.curves.classes[c].best;
    add(truth.categories[c].name, std::to_string(images[c]), result.objects, best, fmt::format("{:.2f}", best.confidence),
        result.ap50, result.ap75, result.ap);
  }
  fmt::print("{}\n", shown(table));
  fmt::print("AP small {}, medium {}, large {}; AR {} (1), {} (10), {} (100)\n", figure(s.ap_small), figure(s.ap_medium),
             figure(s.ap_large), figure(s.ar[0]), figure(s.ar[1]), figure(s.ar[2]));
  fmt::print("at confidence {:.2f}: precision {}, recall {}, F1 {}\n", metrics.confidence, figure(metrics.fixed.precision),
             figure(metrics.fixed.recall), figure(metrics.fixed.f1));
  std::vector<std::string> mistakes;
  for (std::size_t kind = 0; kind < evaluate::kErrorKinds; ++kind) {
    mistakes.push_back(fmt::format("{} {}", metrics.mistakes[kind], words(static_cast<evaluate::ErrorKind>(kind))));
  }
  fmt::print("mistakes there: {}\n", fmt::join(mistakes, ", "));
  std::vector<std::string> times;
  for (const auto& [name, stage] : answers.stages) {
    if (stage.count > 0) times.push_back(fmt::format("{} {:.1f}", name, stage.mean));
  }
  fmt::print("ms an image: {}\n{}\n", fmt::join(times, ", "), (folder / "report.html").string());
}

void tell_about(const ModelAnswers& answers) {
  for (const auto& line : answers.unreadable) spdlog::warn("left out: {}", line);
  if (!answers.unknown_classes.empty()) {
    spdlog::warn("{} cannot name {} of the data set's classes, whose objects count as missed: {}", answers.name,
                 answers.unknown_classes.size(), fmt::join(answers.unknown_classes, ", "));
  }
}

int run_eval(const Invocation& call) {
  const bool compare = call.has("compare");
  refuse_second_model(call);
  auto models = call.arguments;
  if (models.empty()) models.push_back(call.config.text("model"));
  if (compare && models.size() < 2)
    throw Error(ErrorCode::kUsage, "two models are needed to compare", "--compare", "goshawk eval --data D --compare A B");
  if (!compare && models.size() > 1) throw Error(ErrorCode::kUsage, "one model at a time, or --compare", models[1]);
  if (!compare) refuse_flags(call, {"draws"}, "it goes with --compare", "One model alone has no intervals.");
  if (compare) draws_option(call);  // a wrong one ends the command before anything is measured
  const auto measured = metrics_options(call);
  auto truth = read_truth(call);

  const RunFolder run(call, required_option(call, "data"));  // before the work, which a wrong name would lose
  std::vector<fs::path> paths;
  for (const auto& model : models) paths.push_back(resolve_model(model).path);
  const auto names = model_names(paths);
  std::vector<ModelAnswers> answers;
  for (std::size_t m = 0; m < paths.size(); ++m) {
    answers.push_back(answer(call, paths[m], names[m], truth));
    tell_about(answers.back());
    if (answers.back().interrupted) return exit_code(ErrorCode::kInterrupted);
  }
  if (const auto scaled = answers.front().scaled; scaled > 0) {
    spdlog::warn("{} of another size than the labels state: boxes that are found there are scaled to it",
                 scaled == 1 ? "1 image is" : fmt::format("{} images are", scaled));
  }
  const bool unreadable = leave_out_unread(truth, answers);
  std::vector<evaluate::DetectorMetrics> metrics;
  for (const auto& one : answers) metrics.push_back(evaluate::measure_detector(truth, one.predictions, measured));

  json result;
  if (compare) {
    result = write_comparison(call, truth, answers, metrics, run.path());
    if (!call.json) print_comparison(result, run.path());
  } else {
    result = write_evaluation(call, truth, metrics[0], answers[0], run.path());
    if (!call.json) print_table(truth, metrics[0], answers[0], result, run.path());
  }
  if (call.json) fmt::print("{}\n", json_text(result));
  return unreadable ? exit_code(ErrorCode::kBadData) : 0;
}

}  // namespace

Command eval_command() {
  Command command;
  command.name = "eval";
  command.group = Group::kData;
  command.summary = "Measure how good a model is on a labelled data set";
  command.details =
      "Writes runs/eval/NAME/ with metrics.json, classes.csv, predictions.json, curves, the confusion matrix, pictures of "
      "the worst "
      "mistakes and report.html. AP and AR are COCO's, equal to pycocotools'. With --compare, models are put side by side "
      "on the same "
      "images, with intervals that tell a difference from chance.";
  command.positionals = {
      {.name = "MODEL", .help = "model file or name; two or more with --compare", .required = false, .many = true}};
  command.options = {{"data", "DATASET", "data.yaml, instances.json, folder or archive of labelled images"},
                     split_flag(),
                     from_flag(),
                     map_flag(),
                     {"at", "CONF", "confidence of the confusion matrix and the mistakes; else 0.25"},
                     {"compare", "", "put two or more models side by side"},
                     {"draws", "N", "draws of the bootstrap behind the intervals, 2 to 1,000,000; else 1000, 0 for none"}};
  command.defaults = {{"detect.conf", "0.001"}, {"detect.max_det", "300"}};
  command.settings = {"model", "runtime", "detect", "source.max_frames", "output.project", "output.name"};
  command.json = true;
  command.examples = {"goshawk eval yolov8n.onnx --data coco128/data.yaml",
                      "goshawk eval --model best.onnx --data instances.json --split test",
                      "goshawk eval --data data.yaml --compare fp32.onnx int8.onnx"};
  command.run = run_eval;
  return command;
}

}  // namespace goshawk::cli
