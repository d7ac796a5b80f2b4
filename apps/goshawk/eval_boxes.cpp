// goshawk eval-boxes: COCO's figures of a results file, as pycocotools gives them.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/data_set.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/error.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/coco.h"
#include "goshawk/evaluate/boxes.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using dataset::CocoParts;
using dataset::Problem;
using dataset::ProblemKind;
using dataset::Severity;

constexpr std::size_t kShown = 5;                       // problems of one kind of severity
constexpr std::uint64_t kObjectsPerImage = 50'000'000;  // an evaluation judges, it does not tidy up

evaluate::Overlap overlap_of(const Invocation& call) {
  const auto found = call.options.find("type");
  if (found == call.options.end() || found->second == "bbox") return evaluate::Overlap::kBoxes;
  if (found->second == "segm") return evaluate::Overlap::kMasks;
  throw Error(ErrorCode::kUsage, "--type must be bbox or segm, not '" + found->second + "'");
}

std::vector<std::uint32_t> limits_of(const Invocation& call) {
  const auto found = call.options.find("max-dets");
  if (found == call.options.end()) return {1, 10, 100};
  std::vector<std::uint32_t> limits;
  const std::string& text = found->second;
  const char* place = text.data();
  const char* const end = text.data() + text.size();
  for (bool more = true; more;) {
    std::uint32_t limit = 0;
    const auto [next, error] = std::from_chars(place, end, limit);
    if (error != std::errc() || limit == 0 || (next != end && *next != ','))
      throw Error(ErrorCode::kUsage, "--max-dets takes numbers above 0, as in 1,10,100");
    limits.push_back(limit);
    more = next != end;
    place = next + 1;
  }
  if (limits.size() > 8 || !std::is_sorted(limits.begin(), limits.end()))
    throw Error(ErrorCode::kUsage, "--max-dets takes up to 8 numbers that rise, as in 1,10,100");
  return limits;
}

/// What pycocotools passes over in silence: it is said, and the evaluation goes on.
bool may_be_skipped(const Problem& problem, bool of_truth) {
  if (problem.severity != Severity::kError) return true;
  return problem.kind == ProblemKind::kUnknownClass || (of_truth && problem.kind == ProblemKind::kOrphanLabels);
}

std::string line_of(const Problem& problem) {
  std::string line = problem.message;
  if (problem.line > 0 && !problem.file.empty()) line += fmt::format(" ({}:{})", problem.file, problem.line);
  return line;
}

/// Figures over a part of the data would be wrong figures: any other problem ends the evaluation.
void judge_problems(const std::vector<Problem>& problems, std::uint64_t left_out, const fs::path& file, bool of_truth) {
  std::vector<const Problem*> fatal, skipped;
  for (const Problem& problem : problems) {
    if (problem.severity == Severity::kNote) continue;
    (may_be_skipped(problem, of_truth) ? skipped : fatal).push_back(&problem);
  }
  if (!fatal.empty()) {
    constexpr const char* kMend = "Figures over a part of the data would be wrong: mend the file first.";
    const Problem& first = *fatal.front();
    if (fatal.size() == 1 && left_out == 0) {
      throw Error(ErrorCode::kBadData, first.message,
                  first.line > 0 ? fmt::format("{}:{}", file.string(), first.line) : file.string(), kMend);
    }
    std::string message = line_of(first);
    for (std::size_t i = 1; i < std::min(fatal.size(), kShown); ++i) message += "\n  " + line_of(*fatal[i]);
    const std::uint64_t more = fatal.size() - std::min(fatal.size(), kShown) + left_out;
    if (more > 0) message += fmt::format("\n  and {} more", more);
    throw Error(ErrorCode::kBadData, message, file.string(), kMend);
  }
  for (std::size_t i = 0; i < std::min(skipped.size(), kShown); ++i)
    spdlog::warn("{}: {}", file.string(), line_of(*skipped[i]));
  const std::uint64_t more = skipped.size() - std::min(skipped.size(), kShown) + left_out;
  if (more > 0) spdlog::warn("{}: and {} more like these", file.string(), more);
}

struct Inputs {
  dataset::Dataset truth;
  dataset::Predictions predictions;
};

/// Both files at once, each in a thread.
Inputs read_inputs(const Invocation& call, CocoParts parts) {
  const fs::path truth_file = required_option(call, "gt"), results_file = required_option(call, "dt");
  dataset::ReadLimits limits;
  limits.stop = call.stop;
  limits.objects_per_image = kObjectsPerImage;
  limits.problems = 1000;
  auto activity = activity_of(call, "reading labels and detections");
  dataset::ReadResult truth;
  std::exception_ptr failure;
  std::thread reader([&] {
    try {
      truth = dataset::read_coco_truth(truth_file, parts, limits);
    } catch (...) {
      failure = std::current_exception();
    }
  });
  dataset::CocoResults results;
  std::exception_ptr results_failure;
  try {
    results = dataset::read_coco_results(results_file, parts, limits);
  } catch (...) {
    results_failure = std::current_exception();
  }
  reader.join();
  activity.reset();
  if (failure) std::rethrow_exception(failure);
  judge_problems(truth.problems, truth.problems_left_out, truth_file, true);
  if (results_failure) std::rethrow_exception(results_failure);
  Inputs inputs{std::move(truth.dataset), {}};
  inputs.predictions = dataset::resolve(results, inputs.truth, limits);
  judge_problems(results.problems, results.problems_left_out, results_file, false);
  return inputs;
}

void warn_of_id_zero(const dataset::Dataset& truth) {
  const auto zero = std::find_if(truth.annotations.begin(), truth.annotations.end(),
                                 [](const auto& annotation) { return annotation.id == 0; });
  if (zero == truth.annotations.end()) return;
  spdlog::warn(
      "an annotation has no id or the id 0, and pycocotools counts what finds it as wrong; so do these figures. "
      "Number annotations from 1.");
}

struct Row {
  const char* what;
  std::string overlap;
  const char* area;
  std::uint32_t limit;
  double value;
};

std::string overlaps(const evaluate::CocoOptions& options) {
  return fmt::format("{:.2f}:{:.2f}", options.thresholds.front(), options.thresholds.back());
}

std::vector<Row> rows_of(const evaluate::CocoSummary& s, const evaluate::CocoOptions& options) {
  const std::string all = overlaps(options);
  const std::uint32_t most = options.max_detections.back();
  std::vector<Row> rows{{"Average Precision  (AP)", all, "all", most, s.ap},
                        {"Average Precision  (AP)", "0.50", "all", most, s.ap50},
                        {"Average Precision  (AP)", "0.75", "all", most, s.ap75},
                        {"Average Precision  (AP)", all, "small", most, s.ap_small},
                        {"Average Precision  (AP)", all, "medium", most, s.ap_medium},
                        {"Average Precision  (AP)", all, "large", most, s.ap_large}};
  for (std::size_t i = 0; i < s.ar.size(); ++i)
    rows.push_back({"Average Recall     (AR)", all, "all", options.max_detections[i], s.ar[i]});
  rows.push_back({"Average Recall     (AR)", all, "small", most, s.ar_small});
  rows.push_back({"Average Recall     (AR)", all, "medium", most, s.ar_medium});
  rows.push_back({"Average Recall     (AR)", all, "large", most, s.ar_large});
  return rows;
}

/// The lines that people know from COCO.
void print_summary(const evaluate::CocoSummary& summary, const evaluate::CocoOptions& options) {
  for (const Row& row : rows_of(summary, options)) {
    fmt::print(" {:<23} @[ IoU={:<9} | area={:>6} | maxDets={:>3} ] = {:.3f}\n", row.what, row.overlap, row.area, row.limit,
               row.value);
  }
}

void print_classes(const dataset::Dataset& truth, const evaluate::CocoResult& result) {
  Table table({"class", "objects", "detections", "AP", "AP50", "AP75", "AR"});
  const auto classes = result.by_class();
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const auto& c = classes[i];
    table.add_row({truth.categories[i].name, std::to_string(c.objects), std::to_string(c.detections), figure(c.ap),
                   figure(c.ap50), figure(c.ap75), figure(c.ar)});
  }
  fmt::print("\n{}", shown(table));
}

nlohmann::ordered_json json_of(const dataset::Dataset& truth, const evaluate::CocoResult& result, bool per_class) {
  const auto s = result.summary();
  const auto& limits = result.options().max_detections;
  nlohmann::ordered_json json{{"type", result.options().overlap == evaluate::Overlap::kBoxes ? "bbox" : "segm"},
                              {"images", truth.images.size()},
                              {"AP", s.ap},
                              {"AP50", s.ap50},
                              {"AP75", s.ap75},
                              {"AP_small", s.ap_small},
                              {"AP_medium", s.ap_medium},
                              {"AP_large", s.ap_large}};
  for (std::size_t i = 0; i < limits.size(); ++i) json["AR_" + std::to_string(limits[i])] = s.ar[i];
  json["AR_small"] = s.ar_small;
  json["AR_medium"] = s.ar_medium;
  json["AR_large"] = s.ar_large;
  if (!per_class) return json;
  const auto classes = result.by_class();
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const auto& c = classes[i];
    json["classes"].push_back({{"id", truth.categories[i].id},
                               {"name", truth.categories[i].name},
                               {"objects", c.objects},
                               {"detections", c.detections},
                               {"AP", c.ap},
                               {"AP50", c.ap50},
                               {"AP75", c.ap75},
                               {"AR", c.ar}});
  }
  return json;
}

int run_eval_boxes(const Invocation& call) {
  evaluate::CocoOptions options;
  options.overlap = overlap_of(call);
  options.max_detections = limits_of(call);
  options.id_zero_never_matches = true;
  options.stop = call.stop;
  Inputs inputs =
      read_inputs(call, options.overlap == evaluate::Overlap::kMasks ? CocoParts::kBoxesAndMasks : CocoParts::kBoxes);
  for (auto& annotation : inputs.truth.annotations) annotation.score = -1;  // a score in labels says nothing here
  warn_of_id_zero(inputs.truth);
  auto activity = activity_of(call, "evaluating");
  evaluate::CocoEvaluator evaluator(inputs.truth, options);
  evaluator.add(std::move(inputs.predictions));
  const evaluate::CocoResult result = evaluator.evaluate();
  activity.reset();
  const bool per_class = call.has("per-class");
  if (call.json) {
    const auto json = json_of(inputs.truth, result, per_class);
    fmt::print("{}\n", json_text(json));
    return 0;
  }
  print_summary(result.summary(), result.options());
  if (per_class) print_classes(inputs.truth, result);
  return 0;
}

}  // namespace

Command eval_boxes_command() {
  Command command;
  command.name = "eval-boxes";
  command.group = Group::kData;
  command.summary = "COCO's figures for boxes or masks that were found";
  command.details =
      "Gives the numbers of pycocotools 2.0.11: crowds, areas, equal scores and limits on detections as there. -1 stands "
      "for "
      "what cannot be measured, for nothing is there. A detection of an unknown image, or a number that is not finite, ends "
      "the "
      "evaluation; detections of unknown categories are left out with a warning.";
  command.options = {
      {"gt", "FILE", "Labels: COCO's instances.json"},
      {"dt", "FILE", "Detections: a COCO results file, [{image_id, category_id, bbox or segmentation, score}]"},
      {"type", "TYPE", "bbox (default) or segm", {"bbox", "segm"}},
      {"max-dets", "N,N,...", "Most detections of an image and class; rising; default 1,10,100"},
      {"per-class", "", "A table of the classes too"}};
  command.json = true;
  command.configured = false;
  command.examples = {"goshawk eval-boxes --gt instances.json --dt results.json",
                      "goshawk eval-boxes --gt instances.json --dt masks.json --type segm --per-class --json"};
  command.run = run_eval_boxes;
  return command;
}

}  // namespace goshawk::cli
