#include "goshawk/benchmark/models.h"

#include <gtest/gtest.h>

#include <opencv2/core.hpp>

#include "goshawk/benchmark/statistics.h"
#include "goshawk/benchmark/testing.h"

namespace goshawk::benchmark {
namespace {

using testing::brief;

class MeasureModels : public testing::SmallModels {
 protected:
  Candidate detector(const detect::Dimensions& input) const { return SmallModels::detector("light", input); }
};

TEST_F(MeasureModels, TellsWhatWasMeasuredAndWhereTheTimeWent) {
  const auto figures = measure_models({detector({1, 3, 64, 64})}, {}, brief());
  ASSERT_EQ(figures.size(), 1U);
  const auto& info = figures[0].model;
  EXPECT_EQ(info.name, "light");
  EXPECT_EQ(info.bytes, std::filesystem::file_size(folder / "light.onnx"));
  EXPECT_EQ(info.sha256.size(), 64U);
  EXPECT_EQ(runtime::to_string(info.device), "cpu");
  EXPECT_EQ(info.width, 64);
  EXPECT_EQ(info.height, 64);
  EXPECT_TRUE(info.detector);
  EXPECT_GT(info.load_ms, 0);
  EXPECT_GT(info.resident_before, 0U);
  for (const auto& round : figures[0].samples.rounds) {
    for (std::size_t i = 0; i < round.total.size(); ++i) {
      EXPECT_GT(round.prepare[i], 0);
      EXPECT_GT(round.inference[i], 0);
      EXPECT_GT(round.postprocess[i], 0);
      EXPECT_LE(round.prepare[i] + round.inference[i] + round.postprocess[i], round.total[i] * 1.001F);
    }
  }
}

TEST_F(MeasureModels, SyntheticPicturesFillTheWholeInputOfADynamicModel) {
  auto dynamic = detector({-1, 3, -1, -1});
  EXPECT_EQ(measure_models({dynamic}, {}, brief())[0].model.height, 64);
  const cv::Mat wide(100, 400, CV_8UC3, cv::Scalar(10, 20, 30));
  EXPECT_EQ(measure_models({dynamic}, {wide}, brief())[0].model.height, 32);  // the rectangle that track would compute
  dynamic.options.image_size = 128;
  EXPECT_EQ(measure_models({dynamic}, {}, brief())[0].model.width, 128);
}

TEST_F(MeasureModels, BatchesOfPicturesOfSeveralSizes) {
  auto dynamic = detector({-1, 3, -1, -1});
  dynamic.batch = 3;
  const cv::Mat wide(100, 400, CV_8UC3, cv::Scalar(10, 20, 30)), tall(400, 100, CV_8UC3, cv::Scalar(10, 20, 30));
  const auto figures = measure_models({dynamic}, {wide, tall}, brief());
  EXPECT_EQ(figures[0].samples.items, 3);
  EXPECT_GT(throughput(figures[0].samples), 0);
}

TEST_F(MeasureModels, WhereNothingIsSaidACallIsWhatTheModelWasExportedFor) {
  const auto of_two = measure_models({detector({2, 3, 64, 64})}, {}, brief())[0];
  EXPECT_EQ(of_two.model.batch, 2);
  EXPECT_EQ(of_two.samples.items, 2);
  EXPECT_EQ(of_two.model.input_shapes[0][0], 2);
  EXPECT_EQ(measure_models({detector({-1, 3, 64, 64})}, {}, brief())[0].model.batch, 1);
}

TEST_F(MeasureModels, RefusesABatchThatTheModelDoesNotTake) {
  auto fixed = detector({1, 3, 64, 64});
  fixed.batch = 2;
  const auto text = text_of_error([&] { LoadedModel::load(fixed); }, ErrorCode::kUsage);
  EXPECT_NE(text.find("takes 1 image a call, not 2"), std::string::npos) << text;
  auto dynamic = detector({-1, 3, 64, 64});
  dynamic.batch = -1;
  EXPECT_EQ(code_of([&] { LoadedModel::load(dynamic); }), ErrorCode::kUsage);
  dynamic.batch = 5000;
  EXPECT_EQ(code_of([&] { LoadedModel::load(dynamic); }), ErrorCode::kUsage);
}

TEST_F(MeasureModels, OtherNetworksAreMeasuredAsFarAsInferenceGoes) {
  auto network = candidate("conv", runtime::testing::convolution().model());
  network.batch = 5;
  const auto figures = measure_models({network}, {}, brief());
  EXPECT_FALSE(figures[0].model.detector);
  EXPECT_FALSE(figures[0].model.note.empty());
  EXPECT_EQ(figures[0].samples.items, 5);
  EXPECT_EQ(summarize(figures[0].samples, Stage::kPrepare).max, 0);
  EXPECT_GT(summarize(figures[0].samples, Stage::kInference).p50, 0);
}

TEST_F(MeasureModels, ARecipeFileThatDoesNotFitIsAnError) {
  auto network = candidate("conv", runtime::testing::convolution().model());
  network.options.recipe = folder.write("recipe.yaml", "family: yolov8\nnames: [a]\n");
  EXPECT_EQ(code_of([&] { LoadedModel::load(network); }), ErrorCode::kBadConfig);
}

TEST_F(MeasureModels, AMissingModelIsNotFound) {
  Candidate candidate;
  candidate.model = folder / "none.onnx";
  EXPECT_EQ(code_of([&] { measure_models({candidate}); }), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace goshawk::benchmark
