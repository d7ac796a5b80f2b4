// Tracking scores as JSON, CSV and tables.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "goshawk/evaluate/tracks.h"

namespace goshawk::evaluate {

/// Every score under the name that the papers and TrackEval have for it, ratios in [0, 1] (MOTA may be below), and
/// "curves": the parts of HOTA by overlap threshold.
nlohmann::json to_json(const TrackScores& scores);

/// A header and one line a sequence, without the curves.
std::string to_csv(std::span<const TrackScores> sequences);

/// Figures for people, as text.
struct ScoreTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  // one a sequence
};

/// Scores in percent.
ScoreTable percent_table(std::span<const TrackScores> sequences);
/// Counts of objects, mistakes and tracks.
ScoreTable count_table(std::span<const TrackScores> sequences);

/// Both tables for a terminal.
std::string to_tables(std::span<const TrackScores> sequences);

}  // namespace goshawk::evaluate
