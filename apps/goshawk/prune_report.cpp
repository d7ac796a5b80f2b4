#include "apps/goshawk/prune_report.h"

#include <fmt/format.h>

#include "apps/goshawk/describe.h"
#include "apps/goshawk/drawing.h"
#include "apps/goshawk/optimize_commands.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/report/plot.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

ordered_json document_of(const PruneReport& report) {
  auto document = optimize::to_json(report.record);
  document["model"] = report.model.string();
  document["max_drop"] = report.max_drop;
  document["machine"] = describe_this_machine();
  if (!report.written.empty()) document["written"] = report.written.string();
  return document;
}

std::string dumped(const ordered_json& document) { return json_text(document); }

/// Points that a step is below the original.
double drop_of(const PruneReport& report, const optimize::StepFigures& step) {
  return 100 * (report.record.original.tuned.ap - step.tuned.ap);
}

std::string plot_of(const PruneReport& report) {
  const auto& record = report.record;
  report::Figure figure;
  figure.title = "accuracy as channels go";
  figure.x.label = "multiplications, % of the original's";
  figure.x.min = 0;
  figure.x.max = 100;
  figure.y.label = "AP50-95";
  figure.y.min = 0;
  report::Series tuned, pruned, least;
  tuned.name = "trained on";
  tuned.strong = true;
  pruned.name = "only pruned";
  least.name = "least allowed";
  const double original = record.original.tuned.ap;
  const auto add = [&](report::Series& series, const optimize::StepFigures& step, double ap) {
    series.x.push_back(100 * step.multiply_adds / record.original.multiply_adds);
    series.y.push_back(100 * ap);
  };
  add(tuned, record.original, original);
  add(pruned, record.original, original);
  for (const auto& step : record.steps) {
    add(pruned, step, step.pruned.ap);
    if (step.tuned.ap >= 0) add(tuned, step, step.tuned.ap);
  }
  least.x = {0, 100};
  least.y.assign(2, 100 * original - report.max_drop);
  return report::line_chart(figure, {tuned, pruned, least});
}

Table table_of(const PruneReport& report) {
  const auto& record = report.record;
  Table table({"step", "multiplications", "share", "AP only pruned", "AP50-95", "drop", "ms a picture", "times faster", ""});
  const auto row = [&](const std::string& name, const optimize::StepFigures& step, const std::string& verdict) {
    const bool original = &step == &record.original;
    table.add_row({name, multiplications(step.multiply_adds),
                   fmt::format("{:.0f} %", 100 * step.multiply_adds / record.original.multiply_adds),
                   original ? "" : points(step.pruned.ap), points(step.tuned.ap),
                   original ? "" : fmt::format("{:.2f}", drop_of(report, step)), fmt::format("{:.2f}", step.latency_ms),
                   original ? "" : fmt::format("{:.2f}", step.speed_up.value), verdict});
  };
  row("original", record.original, "");
  for (std::size_t i = 0; i < record.steps.size(); ++i) {
    const auto& step = record.steps[i];
    row(std::to_string(i + 1), step,
        record.best == i                                 ? "best"
        : drop_of(report, step) > report.max_drop + 1e-9 ? "loses too much"
                                                         : "");
  }
  return table;
}

}  // namespace

void write_report(const PruneReport& report) {
  write_file_atomically(report.folder / "steps.json", dumped(document_of(report)));
  draw_or_warn([&] { write_file_atomically(report.folder / "steps.png", plot_of(report)); });
}

void print_report(const PruneReport& report, bool json) {
  if (json) {
    fmt::print("{}\n", dumped(document_of(report)));
    return;
  }
  fmt::print("{}\nended: {}\n", shown(table_of(report)), report.record.ended);
  if (!report.written.empty()) fmt::print("{}\n", report.written.string());
  fmt::print("{}\n", (report.folder / "steps.json").string());
}

}  // namespace goshawk::cli
