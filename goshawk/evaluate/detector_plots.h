// A detector's curves and confusion as pictures.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "goshawk/evaluate/detector_metrics.h"

namespace goshawk::evaluate {

/// A picture and its file name.
struct NamedPlot {
  std::string file;  // "BoxPR_curve.png", as users of Ultralytics know it
  std::string title;
  std::string png;  // the file's bytes
};

/// Precision over recall; precision, recall and F1 over the confidence; the confusion matrix in counts, and as shares of
/// what is really there, both left out beyond report::kMostGridSide - 1 classes. `names`: of the classes. Throws what
/// goshawk/report/plot.h throws.
std::vector<NamedPlot> detector_plots(const std::vector<std::string>& names, const DetectorMetrics& metrics);

/// The mean precision over recall of several models in one picture. SHAPE: a name a model.
NamedPlot compared_precision(const std::vector<std::string>& models, const std::vector<DetectorMetrics>& metrics);

}  // namespace goshawk::evaluate
