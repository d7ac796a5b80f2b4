// Tracking scores as JSON, CSV and tables.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "goshawk/evaluate/tracks.h"

namespace goshawk::evaluate {

/// Every score under the name that the papers and TrackEval have for it, ratios in [0, 1] (MOTA may be below), and
/// "curves": the parts of HOTA by overlap threshold.
nlohmann::json to_json(const TrackScores& scores);

/// A header and one line a sequence, without the curves.
std::string to_csv(std::span<const TrackScores> sequences);

/// Two tables for people: scores in percent, and counts.
std::string to_tables(std::span<const TrackScores> sequences);

}  // namespace goshawk::evaluate
