#include "goshawk/evaluate/detector_plots.h"

#include <fmt/format.h>

namespace goshawk::evaluate {
namespace {

using report::Figure;
using report::Series;

/// i / (count - 1).
std::vector<double> fractions(std::size_t count) {
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<double>(i) / static_cast<double>(count - 1));
  return values;
}

std::vector<double> widened(const std::vector<float>& values) { return {values.begin(), values.end()}; }

std::string precision_note(double ap) { return fmt::format(" {:.3f}", std::max(0.0, ap)); }

/// One line a class that has objects, and a strong one for the mean.
std::string curve_plot(Figure figure, const std::vector<std::string>& names, const DetectorMetrics& metrics,
                       std::vector<float> ClassCurves::*curve, const std::vector<float>& mean, const std::string& mean_note,
                       const std::vector<std::string>& notes) {
  figure.width = 900;
  figure.height = 560;
  std::vector<Series> series;
  if (!mean.empty()) series.push_back({"all classes", fractions(mean.size()), widened(mean), {}, {}, true, mean_note});
  for (std::size_t c = 0; c < names.size(); ++c) {
    const auto& one = metrics.curves.classes[c];
    if (one.objects == 0) continue;
    const auto& values = one.*curve;
    series.push_back({names[c], fractions(values.size()), widened(values), {}, {}, false, notes.empty() ? "" : notes[c]});
  }
  return report::line_chart(figure, series);
}

Figure unit_figure(const std::string& title, const std::string& x, const std::string& y) {
  Figure figure;
  figure.title = title;
  figure.x = {x, 0, 1};
  figure.y = {y, 0, 1};
  return figure;
}

std::string confusion_plot(const std::vector<std::string>& names, const ConfusionMatrix& matrix, bool shares) {
  report::Grid grid;
  grid.rows = names;
  grid.rows.emplace_back("background");
  grid.columns = grid.rows;
  const int side = matrix.classes() + 1;
  grid.width = grid.height = static_cast<std::size_t>(side);
  for (int detected = 0; detected < side; ++detected) {
    for (int truth = 0; truth < side; ++truth) {
      double value = static_cast<double>(matrix.at(detected, truth));
      if (shares) {
        double column = 0;
        for (int d = 0; d < side; ++d) column += static_cast<double>(matrix.at(d, truth));
        value = column > 0 ? value / column : 0;
      }
      grid.values.push_back(value);
    }
  }
  Figure figure;
  figure.title = shares ? "Confusion matrix, shares of each true class" : "Confusion matrix, objects";
  figure.x.label = "is really";
  figure.y.label = "was detected as";
  return report::heat_map(figure, grid);
}

}  // namespace

std::vector<NamedPlot> detector_plots(const std::vector<std::string>& names, const DetectorMetrics& metrics) {
  const auto& curves = metrics.curves;
  std::vector<std::string> precisions;
  for (const auto& one : metrics.classes) precisions.push_back(precision_note(one.ap50));
  const auto& best = curves.best_of_means;
  std::vector<NamedPlot> plots;
  plots.push_back(
      {"BoxPR_curve.png", "Precision over recall",
       curve_plot(unit_figure("Precision over recall, IoU 0.5", "recall", "precision"), names, metrics,
                  &ClassCurves::envelope, curves.mean_envelope, precision_note(metrics.summary.ap50), precisions)});
  plots.push_back({"BoxF1_curve.png", "F1 over confidence",
                   curve_plot(unit_figure("F1 over confidence", "confidence", "F1"), names, metrics, &ClassCurves::f1,
                              curves.mean_f1, fmt::format(" {:.2f} at {:.3f}", best.f1, best.confidence), {})});
  plots.push_back({"BoxP_curve.png", "Precision over confidence",
                   curve_plot(unit_figure("Precision over confidence", "confidence", "precision"), names, metrics,
                              &ClassCurves::precision, curves.mean_precision, "", {})});
  plots.push_back({"BoxR_curve.png", "Recall over confidence",
                   curve_plot(unit_figure("Recall over confidence", "confidence", "recall"), names, metrics,
                              &ClassCurves::recall, curves.mean_recall, "", {})});
  if (names.size() + 1 > report::kMostGridSide) return plots;
  plots.push_back({"confusion_matrix.png", "Confusion matrix", confusion_plot(names, metrics.confusion, false)});
  plots.push_back(
      {"confusion_matrix_normalized.png", "Confusion matrix, normalised", confusion_plot(names, metrics.confusion, true)});
  return plots;
}

NamedPlot compared_precision(const std::vector<std::string>& models, const std::vector<DetectorMetrics>& metrics) {
  std::vector<Series> series;
  for (std::size_t m = 0; m < models.size(); ++m) {
    const auto& mean = metrics[m].curves.mean_envelope;
    series.push_back(
        {models[m], fractions(mean.size()), widened(mean), {}, {}, false, precision_note(metrics[m].summary.ap50)});
  }
  Figure figure = unit_figure("Precision over recall, IoU 0.5, mean of all classes", "recall", "precision");
  figure.width = 900;
  figure.height = 560;
  return {"BoxPR_curve.png", "Precision over recall", report::line_chart(figure, series)};
}

}  // namespace goshawk::evaluate
