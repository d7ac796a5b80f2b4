#include "goshawk/evaluate/track_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>
#include <vector>

#include "goshawk/core/text.h"

namespace goshawk::evaluate {
namespace {

using Ratios = std::vector<std::pair<const char*, double>>;
using Counts = std::vector<std::pair<const char*, std::int64_t>>;

Ratios ratios_of(const TrackScores& s) {
  return {{"HOTA", mean(s.hota.hota)},
          {"DetA", mean(s.hota.det_a)},
          {"AssA", mean(s.hota.ass_a)},
          {"DetRe", mean(s.hota.det_re)},
          {"DetPr", mean(s.hota.det_pr)},
          {"AssRe", mean(s.hota.ass_re)},
          {"AssPr", mean(s.hota.ass_pr)},
          {"LocA", mean(s.hota.loc_a)},
          {"HOTA(0)", s.hota.hota[0]},
          {"LocA(0)", s.hota.loc_a[0]},
          {"HOTALocA(0)", s.hota.hota[0] * s.hota.loc_a[0]},
          {"MOTA", s.clear.mota},
          {"MOTP", s.clear.motp},
          {"Recall", s.clear.recall},
          {"Precision", s.clear.precision},
          {"IDF1", s.identity.idf1},
          {"IDP", s.identity.idp},
          {"IDR", s.identity.idr}};
}

Counts counts_of(const TrackScores& s) {
  return {{"IDSW", s.clear.id_switches},
          {"Frag", s.clear.fragments},
          {"TP", s.clear.tp},
          {"FP", s.clear.fp},
          {"FN", s.clear.fn},
          {"MT", s.clear.mostly_tracked},
          {"PT", s.clear.partly_tracked},
          {"ML", s.clear.mostly_lost},
          {"IDTP", s.identity.tp},
          {"IDFP", s.identity.fp},
          {"IDFN", s.identity.fn},
          {"frames", s.frames},
          {"gt_tracks", s.truth_tracks},
          {"gt_boxes", s.truth_boxes},
          {"dt_tracks", s.result_tracks},
          {"dt_boxes", s.result_boxes}};
}

}  // namespace

nlohmann::json to_json(const TrackScores& scores) {
  nlohmann::json json{{"name", scores.name}};
  for (const auto& [name, value] : ratios_of(scores)) json[name] = value;
  for (const auto& [name, value] : counts_of(scores)) json[name] = value;
  nlohmann::json& curves = json["curves"];
  const HotaScores& hota = scores.hota;
  for (std::size_t a = 0; a < kHotaThresholds; ++a) curves["alpha"].push_back(hota_threshold(a));
  for (const auto& [name, curve] :
       {std::pair("HOTA", &hota.hota), std::pair("DetA", &hota.det_a), std::pair("AssA", &hota.ass_a),
        std::pair("DetRe", &hota.det_re), std::pair("DetPr", &hota.det_pr), std::pair("AssRe", &hota.ass_re),
        std::pair("AssPr", &hota.ass_pr), std::pair("LocA", &hota.loc_a)}) {
    curves[name] = *curve;
  }
  return json;
}

std::string to_csv(std::span<const TrackScores> sequences) {
  std::string csv = "sequence";
  for (const auto& [name, value] : ratios_of({})) csv += fmt::format(",{}", name);
  for (const auto& [name, value] : counts_of({})) csv += fmt::format(",{}", name);
  csv += '\n';
  for (const auto& scores : sequences) {
    csv += csv_field(scores.name);
    for (const auto& [name, value] : ratios_of(scores)) csv += fmt::format(",{:.6f}", value);
    for (const auto& [name, value] : counts_of(scores)) csv += fmt::format(",{}", value);
    csv += '\n';
  }
  return csv;
}

ScoreTable percent_table(std::span<const TrackScores> sequences) {
  ScoreTable table{{"sequence", "HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR", "Recall", "Prec."},
                   {}};
  for (const auto& s : sequences) {
    std::vector<std::string> row = {s.name};
    for (const double value :
         {mean(s.hota.hota), mean(s.hota.det_a), mean(s.hota.ass_a), mean(s.hota.loc_a), s.clear.mota, s.clear.motp,
          s.identity.idf1, s.identity.idp, s.identity.idr, s.clear.recall, s.clear.precision}) {
      row.push_back(fmt::format("{:.2f}", 100 * value));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

ScoreTable count_table(std::span<const TrackScores> sequences) {
  ScoreTable table{{"sequence", "IDSW", "Frag", "FP", "FN", "MT", "PT", "ML", "GT tracks", "GT boxes", "frames"}, {}};
  for (const auto& s : sequences) {
    std::vector<std::string> row = {s.name};
    for (const std::int64_t value : {s.clear.id_switches, s.clear.fragments, s.clear.fp, s.clear.fn, s.clear.mostly_tracked,
                                     s.clear.partly_tracked, s.clear.mostly_lost, s.truth_tracks, s.truth_boxes, s.frames}) {
      row.push_back(std::to_string(value));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string to_tables(std::span<const TrackScores> sequences) {
  const auto text = [](const ScoreTable& scores) {
    Table table(scores.header);
    for (const auto& row : scores.rows) table.add_row(row);
    return table.str();
  };
  return text(percent_table(sequences)) + "\n" + text(count_table(sequences));
}

}  // namespace goshawk::evaluate
