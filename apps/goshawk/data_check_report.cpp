#include "apps/goshawk/data_check_report.h"
#include "apps/goshawk/terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "goshawk/core/text.h"

namespace goshawk::cli {
namespace {

using dataset::Finding;
using dataset::Severity;
using nlohmann::ordered_json;

constexpr std::size_t kExamples = 3, kPlacesWidth = 56;

std::string number_of(std::uint64_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

/// The first places of a kind, as many as fit a line, without those named before.
std::string first_places(const CheckRow& row) {
  std::string text, last;
  for (const Finding* finding : row.listed) {
    const std::string one = place(finding->problem);
    if (one.empty() || one == last) continue;
    if (!text.empty() && text.size() + one.size() + 2 > kPlacesWidth) break;
    text += (text.empty() ? "" : ", ") + one;
    last = one;
  }
  return text;
}

ordered_json to_json(const CheckResult& result, const Finding& finding) {
  const auto& problem = finding.problem;
  ordered_json one{{"kind", dataset::name(problem.kind)},
                   {"severity", dataset::name(problem.severity)},
                   {"file", problem.file},
                   {"line", problem.line > 0 ? ordered_json(problem.line) : ordered_json()},
                   {"message", problem.message}};
  if (finding.image >= 0) one["image"] = result.set.images[static_cast<std::size_t>(finding.image)].file;
  if (finding.other >= 0) one["other_image"] = result.set.images[static_cast<std::size_t>(finding.other)].file;
  if (finding.annotation >= 0) {
    const auto& annotation = result.set.annotations[static_cast<std::size_t>(finding.annotation)];
    const auto& r = annotation.rectangle;
    one["class"] = result.set.categories[annotation.category].name;
    one["box"] = {r.x, r.y, r.width, r.height};
  }
  return one;
}

}  // namespace

std::string words(dataset::ProblemKind kind) {
  std::string text = dataset::name(kind);
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

std::string place(const dataset::Problem& problem) {
  return problem.line > 0 ? fmt::format("{}:{}", problem.file, problem.line) : problem.file;
}

std::vector<CheckRow> check_rows(const dataset::FindingList& list) {
  std::vector<CheckRow> rows;
  for (const auto& [key, count] : list.counts()) rows.push_back({key.first, key.second, count, {}});
  std::sort(rows.begin(), rows.end(), [](const CheckRow& a, const CheckRow& b) {
    return std::make_tuple(b.severity, b.count, a.kind) < std::make_tuple(a.severity, a.count, b.kind);
  });
  for (const auto& finding : list.findings()) {
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const CheckRow& r) {
      return r.kind == finding.problem.kind && r.severity == finding.problem.severity;
    });
    row->listed.push_back(&finding);
  }
  return rows;
}

std::string check_sums(const CheckResult& result) {
  return fmt::format("{}, {} and {} in {} with {}", number_of(result.list.total(Severity::kError), "error"),
                     number_of(result.list.total(Severity::kWarning), "warning"),
                     number_of(result.list.total(Severity::kNote), "note"), number_of(result.set.images.size(), "image"),
                     number_of(result.set.annotations.size(), "object"));
}

std::string check_text(const CheckResult& result) {
  const auto rows = check_rows(result.list);
  std::string text;
  if (!rows.empty()) {
    Table table({"problem", "severity", "count", "first places"});
    for (const auto& row : rows) {
      table.add_row({words(row.kind), dataset::name(row.severity), std::to_string(row.count), first_places(row)});
    }
    text += shown(table) + "\n";
  }
  for (const auto& row : rows) {
    if (row.severity == Severity::kNote) continue;
    text += fmt::format("{} ({}):\n", words(row.kind), dataset::name(row.severity));
    for (std::size_t i = 0; i < std::min(kExamples, row.listed.size()); ++i) {
      const auto& problem = row.listed[i]->problem;
      text += fmt::format("  {}{}{}\n", place(problem), problem.file.empty() ? "" : ": ", problem.message);
    }
    if (row.count > kExamples) text += fmt::format("  and {} more\n", row.count - kExamples);
  }
  if (!rows.empty() && rows.front().severity != Severity::kNote) text += "\n";
  return text + check_sums(result) + (result.images_opened ? "\n" : " (images were not opened)\n");
}

ordered_json check_json(const CheckResult& result) {
  ordered_json kinds = ordered_json::array(), problems = ordered_json::array();
  for (const auto& row : check_rows(result.list)) {
    kinds.push_back({{"kind", dataset::name(row.kind)},
                     {"severity", dataset::name(row.severity)},
                     {"count", row.count},
                     {"listed", row.listed.size()}});
    for (const Finding* finding : row.listed) problems.push_back(to_json(result, *finding));
  }
  return {{"source", result.source},
          {"images", result.set.images.size()},
          {"objects", result.set.annotations.size()},
          {"classes", result.set.categories.size()},
          {"images_opened", result.images_opened},
          {"errors", result.list.total(Severity::kError)},
          {"warnings", result.list.total(Severity::kWarning)},
          {"notes", result.list.total(Severity::kNote)},
          {"kinds", kinds},
          {"problems", problems}};
}

}  // namespace goshawk::cli
