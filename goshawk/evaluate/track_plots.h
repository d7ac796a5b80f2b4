// HOTA and its parts over the overlap as pictures.
#pragma once

#include <span>
#include <vector>

#include "goshawk/evaluate/detector_plots.h"
#include "goshawk/evaluate/tracks.h"

namespace goshawk::evaluate {

/// HOTA_parts.png: HOTA, DetA, AssA and LocA of the last of `rows` over the overlap from which a match counts, as TrackEval
/// plots them; and where there are several rows, HOTA_sequences.png: HOTA of each, the last drawn strong. Throws what
/// goshawk/report/plot.h throws.
std::vector<NamedPlot> track_plots(std::span<const TrackScores> rows);

}  // namespace goshawk::evaluate
