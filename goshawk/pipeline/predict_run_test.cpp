#include "goshawk/pipeline/predict_run.h"

#include <gtest/gtest.h>

#include "goshawk/core/files.h"
#include "goshawk/core/testing.h"

namespace goshawk::pipeline {
namespace {

class OneGreyImage : public media::Source {
 public:
  OneGreyImage() { info_.frames = 1; }
  const media::SourceInfo& info() const override { return info_; }
  std::optional<Frame> read(std::stop_token) override {
    if (std::exchange(read_, true)) return std::nullopt;
    Frame frame;
    frame.name = "a.png";
    frame.image = cv::Mat(50, 100, CV_8UC3, cv::Scalar::all(90));
    return frame;
  }

 private:
  media::SourceInfo info_;
  bool read_ = false;
};

/// Finds a box, and one that was clipped to nothing at the left edge.
class TwoBoxes : public detect::Detector {
 public:
  TwoBoxes() { recipe_.class_names = {"square"}; }
  std::vector<Detections> detect(std::span<const cv::Mat> images) override {
    return std::vector<Detections>(images.size(), {{{25, 10, 75, 30}, 0.9F, 0, {}}, {{0, 10, 0, 30}, 0.8F, 0, {}}});
  }
  const Recipe& recipe() const override { return recipe_; }
  const runtime::Session& session() const override { throw std::logic_error("this detector has no session"); }
  const detect::DetectorTimings& timings() const override { return timings_; }

 private:
  Recipe recipe_;
  detect::DetectorTimings timings_;
};

TEST(PredictImages, LabelsAreBoxesWithAnArea) {
  const TemporaryFolder folder;
  OneGreyImage source;
  TwoBoxes detector;
  PredictOptions options;
  options.images = false;
  options.labels = true;
  const auto summary = predict_images(source, detector, options, folder.path(), {}, {});
  EXPECT_EQ(summary.images, 1);
  EXPECT_EQ(summary.detections.at(0).second, 2);
  EXPECT_EQ(read_file(folder / "labels/a.txt"), "0 0.500000 0.400000 0.500000 0.400000 0.90000\n");
}

}  // namespace
}  // namespace goshawk::pipeline
