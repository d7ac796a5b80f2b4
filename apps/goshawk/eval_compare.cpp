#include "apps/goshawk/eval_compare.h"

#include <fmt/format.h>

#include <optional>

#include "apps/goshawk/data_set.h"
#include "apps/goshawk/drawing.h"
#include "apps/goshawk/eval_files.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/progress_bar.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/statistics.h"
#include "goshawk/evaluate/bootstrap.h"
#include "goshawk/evaluate/detector_plots.h"
#include "goshawk/report/page.h"

namespace goshawk::cli {
namespace {

using nlohmann::json;

struct NamedFigure {
  const char* name;
  evaluate::Figure figure;
};

const std::vector<NamedFigure>& figures() {
  static const std::vector<NamedFigure> kFigures{{"AP", [](const auto& s) { return s.ap; }},
                                                 {"AP50", [](const auto& s) { return s.ap50; }},
                                                 {"AP75", [](const auto& s) { return s.ap75; }},
                                                 {"AR_100", [](const auto& s) { return s.ar.at(2); }}};
  return kFigures;
}

std::vector<evaluate::Figure> all_figures() {
  std::vector<evaluate::Figure> all;
  for (const auto& figure : figures()) all.push_back(figure.figure);
  return all;
}

json describe(const evaluate::Interval& interval) {
  return {{"value", interval.value}, {"low", interval.low}, {"high", interval.high}};
}

/// Total of the stages that a detector needs for an image.
double milliseconds_an_image(const ModelAnswers& answers) {
  double sum = 0;
  for (const auto& [stage, s] : answers.stages) {
    if (stage != "read" && s.count > 0) sum += s.total / static_cast<double>(answers.predictions.size());
  }
  return sum;
}

evaluate::BootstrapOptions bootstrap_options(const Invocation& call) {
  evaluate::BootstrapOptions options;
  options.draws = draws_option(call);
  options.stop = call.stop;
  return options;
}

const std::vector<std::string> kColumns{
    "model", "AP50-95", "interval", "AP50", "F1", "ms an image", "AP against the first", "interval", "better in"};

/// A model's row of the table; cells without a figure are empty.
std::vector<std::string> row_of(const json& model) {
  const auto plain = [](double v) { return fmt::format("{:.3f}", v); };
  const auto with_sign = [](double v) { return fmt::format("{:+.3f}", v); };
  const auto interval = [](const json& i, auto form) {
    return form(i["low"].get<double>()) + " to " + form(i["high"].get<double>());
  };
  std::vector<std::string> row{model["name"].get<std::string>(),
                               plain(model["coco"]["AP"].get<double>()),
                               model.contains("intervals") ? interval(model["intervals"]["AP"], plain) : "",
                               plain(model["coco"]["AP50"].get<double>()),
                               plain(model["at_best_confidence"]["f1"].get<double>()),
                               fmt::format("{:.1f}", model["ms_an_image"].get<double>())};
  if (!model.contains("against_first")) {
    row.resize(kColumns.size());
    return row;
  }
  const auto& change = model["against_first"]["AP"];
  row.push_back(with_sign(change["value"].get<double>()));
  row.push_back(interval(change, with_sign));
  row.push_back(fmt::format("{:.0f} %", 100 * change["share_better"].get<double>()));
  return row;
}

std::string headline(const json& comparison) {
  const auto draws = comparison["draws"].get<int>();
  return fmt::format("{}{}", evaluated_text(comparison),
                     draws > 0 ? fmt::format("; intervals hold 95 of 100 of {} draws of the images", draws) : "");
}

/// AP50-95 of each class by model.
void add_classes(report::Page& page, const json& models) {
  std::vector<std::string> header{"class", "objects"};
  for (const auto& model : models) header.push_back(model["name"].get<std::string>());
  std::vector<std::vector<std::string>> rows;
  for (std::size_t c = 0; c < models[0]["classes"].size(); ++c) {
    const auto& first = models[0]["classes"][c];
    if (first["objects"].get<std::int64_t>() == 0) continue;
    std::vector<std::string> row{first["class"].get<std::string>(), std::to_string(first["objects"].get<std::int64_t>())};
    for (const auto& model : models) row.push_back(fmt::format("{:.3f}", model["classes"][c]["AP"].get<double>()));
    rows.push_back(std::move(row));
  }
  page.section("Classes, AP50-95");
  page.table(header, rows);
}

void write_page(const json& comparison, const std::vector<std::string>& names,
                const std::vector<evaluate::DetectorMetrics>& metrics, const std::filesystem::path& folder) {
  report::Page page("Models side by side", headline(comparison));
  std::vector<std::vector<std::string>> rows;
  for (const auto& model : comparison["models"]) rows.push_back(row_of(model));
  page.table(kColumns, rows);
  if (comparison["draws"].get<int>() > 0) {
    page.paragraph(
        "A difference to the first model whose interval holds 0 may be chance. \"Better in\" is the share of draws in which "
        "the model has the greater AP50-95.");
  }
  draw_or_warn([&] {
    const auto plot = evaluate::compared_precision(names, metrics);
    write_file_atomically(folder / plot.file, plot.png);
    page.figure({plot.png, plot.title});
  });
  add_classes(page, comparison["models"]);
  page.write(folder / "report.html");
}

}  // namespace

int draws_option(const Invocation& call) {
  constexpr std::uint64_t kMost = 1'000'000;
  const auto draws = count_option(call, "draws").value_or(1000);
  if (draws == 1 || draws > kMost) throw Error(ErrorCode::kUsage, "0 draws, or 2 to 1,000,000 of them", "--draws");
  return static_cast<int>(draws);
}

json write_comparison(const Invocation& call, const dataset::Dataset& truth, const std::vector<ModelAnswers>& answers,
                      const std::vector<evaluate::DetectorMetrics>& metrics, const std::filesystem::path& folder) {
  auto options = bootstrap_options(call);
  const bool draws = options.draws > 0;
  ProgressBar progress(call, "drawing images", options.draws * static_cast<std::int64_t>(2 * answers.size() - 1), "draws");
  std::int64_t before = 0;
  options.progress = [&](std::int64_t done, std::int64_t) { progress.update(before + done); };

  json models = json::array();
  const std::size_t images = truth.images.size();
  for (std::size_t m = 0; m < answers.size(); ++m) {
    json model = metrics_json(call, truth, metrics[m], answers[m]);
    model["name"] = answers[m].name;
    model["ms_an_image"] = milliseconds_an_image(answers[m]);
    if (draws) {
      const auto intervals = evaluate::bootstrap(metrics[m].coco, images, all_figures(), options);
      before += options.draws;
      for (std::size_t f = 0; f < intervals.size(); ++f) model["intervals"][figures()[f].name] = describe(intervals[f]);
      if (m > 0) {
        const auto changes =
            evaluate::bootstrap_difference(metrics[0].coco, metrics[m].coco, images, all_figures(), options);
        before += options.draws;
        for (std::size_t f = 0; f < changes.size(); ++f) {
          json change = describe(changes[f].change);
          change["share_better"] = changes[f].share_better;
          model["against_first"][figures()[f].name] = change;
        }
      }
    }
    write_file_atomically(folder / fmt::format("predictions-{}.json", m + 1), results_json(truth, answers[m].predictions));
    models.push_back(std::move(model));
  }
  progress.finish();
  json comparison = evaluated_json(call, truth);
  comparison["draws"] = options.draws;
  comparison["models"] = models;
  comparison["folder"] = folder.string();
  std::vector<std::string> names;
  for (const auto& one : answers) names.push_back(one.name);
  write_file_atomically(folder / "comparison.json", json_text(comparison) + "\n");
  write_page(comparison, names, metrics, folder);
  return comparison;
}

void print_comparison(const json& comparison, const std::filesystem::path& folder) {
  fmt::print("{}\n\n", headline(comparison));
  Table table(kColumns);
  for (const auto& model : comparison["models"]) table.add_row(row_of(model));
  fmt::print("{}\n{}\n", shown(table), (folder / "report.html").string());
}

}  // namespace goshawk::cli
