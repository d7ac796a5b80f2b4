#include "goshawk/evaluate/track_plots.h"

#include <fmt/format.h>

#include <utility>

#include "goshawk/report/plot.h"

namespace goshawk::evaluate {
namespace {

report::Figure figure_of(const std::string& title, const std::string& y) {
  report::Figure figure;
  figure.title = title;
  figure.x = {"overlap (IoU) from which a match counts", 0, 1};
  figure.y = {y, 0, 1};
  figure.width = 900;
  figure.height = 520;
  return figure;
}

report::Series series_of(const std::string& name, const HotaCurve& curve, bool strong) {
  report::Series series{name, {}, {curve.begin(), curve.end()}, {}, {}, strong, fmt::format(" {:.3f}", mean(curve))};
  for (std::size_t a = 0; a < kHotaThresholds; ++a) series.x.push_back(hota_threshold(a));
  return series;
}

}  // namespace

std::vector<NamedPlot> track_plots(std::span<const TrackScores> rows) {
  if (rows.empty()) return {};
  const HotaScores& all = rows.back().hota;
  std::vector<NamedPlot> plots;
  plots.push_back({"HOTA_parts.png", "HOTA and its parts over the overlap",
                   report::line_chart(figure_of("HOTA and its parts, " + rows.back().name, "score"),
                                      {series_of("HOTA", all.hota, true), series_of("DetA", all.det_a, false),
                                       series_of("AssA", all.ass_a, false), series_of("LocA", all.loc_a, false)})});
  if (rows.size() < 2) return plots;
  std::vector<report::Series> sequences;
  for (const auto& row : rows) sequences.push_back(series_of(row.name, row.hota.hota, &row == &rows.back()));
  plots.push_back({"HOTA_sequences.png", "HOTA of each sequence over the overlap",
                   report::line_chart(figure_of("HOTA by sequence", "HOTA"), sequences)});
  return plots;
}

}  // namespace goshawk::evaluate
