// A detector's curves and confusion as pictures.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "goshawk/evaluate/detector_metrics.h"
#include "goshawk/report/plot.h"

namespace goshawk::evaluate {

using report::NamedPlot;

/// Precision over recall; precision, recall and F1 over the confidence; the confusion matrix in counts, and as shares of
/// what is really there, both left out beyond report::kMostGridSide - 1 classes. `names`: of the classes. Throws what
/// goshawk/report/plot.h throws.
std::vector<NamedPlot> detector_plots(const std::vector<std::string>& names, const DetectorMetrics& metrics);

/// The mean precision over recall of several models in one picture. SHAPE: a name a model.
NamedPlot compared_precision(const std::vector<std::string>& models, const std::vector<DetectorMetrics>& metrics);

}  // namespace goshawk::evaluate
