#include "goshawk/evaluate/detector_plots.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "goshawk/report/plot.h"

namespace goshawk::evaluate {
namespace {

/// Names of the pictures for one image with one object that is found, in a data set of so many classes.
std::vector<std::string> plots_of(std::size_t classes) {
  dataset::Dataset truth;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < classes; ++i) {
    names.push_back("class " + std::to_string(i));
    truth.categories.push_back({static_cast<std::int64_t>(i), names.back()});
  }
  truth.images.resize(1);
  truth.images[0].width = truth.images[0].height = 64;
  truth.annotations.resize(1);
  truth.annotations[0].rectangle = {1, 2, 30, 40};
  truth.annotations[0].area = 1200;
  Detection found;
  found.box = {1, 2, 31, 42};
  found.score = 0.9F;
  const std::vector<Detections> predictions{{found}};
  std::vector<std::string> files;
  for (const auto& plot : detector_plots(names, measure_detector(truth, predictions, {}))) files.push_back(plot.file);
  return files;
}

TEST(DetectorPlots, ConfusionIsLeftOutWhereItsGridWouldBeTooLarge) {
  const std::vector<std::string> curves{"BoxPR_curve.png", "BoxF1_curve.png", "BoxP_curve.png", "BoxR_curve.png"};
  auto all = curves;
  all.insert(all.end(), {"confusion_matrix.png", "confusion_matrix_normalized.png"});
  EXPECT_EQ(plots_of(3), all);
  EXPECT_EQ(plots_of(report::kMostGridSide - 1), all);
  EXPECT_EQ(plots_of(report::kMostGridSide), curves);
}

}  // namespace
}  // namespace goshawk::evaluate
