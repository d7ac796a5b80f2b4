#include "goshawk/detect/embedder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "goshawk/core/error.h"
#include "goshawk/detect/conformance.h"
#include "goshawk/detect/testing_onnx.h"

namespace goshawk::detect {
namespace {

namespace fs = std::filesystem;

/// [N, 3, 8, 4] -> [N, 3]: the mean of each channel.
std::string mean_color_model(std::int64_t batch) {
  using namespace runtime::testing;  // NOLINT: messages of ONNX
  Graph graph;
  graph.nodes = {node("GlobalAveragePool", {"images"}, {"means"}), node("Flatten", {"means"}, {"output"})};
  graph.inputs = {value_info("images", kFloat, {batch, 3, 8, 4})};
  graph.outputs = {value_info("output", kFloat, {batch, 3})};
  return graph.model();
}

EmbedderOptions plain() {
  EmbedderOptions options;
  options.session.device.kind = runtime::DeviceKind::kCpu;
  options.session.threads = 1;
  options.mean = {0, 0, 0};
  options.deviation = {1, 1, 1};
  return options;
}

class EmbedderOfMeans : public testing::Test {
 protected:
  TemporaryFolder folder_;
};

TEST_F(EmbedderOfMeans, GivesUnitVectorsOfEachBoxInRgb) {
  cv::Mat image(40, 60, CV_8UC3, cv::Scalar(0, 0, 0));
  image(cv::Rect(0, 0, 30, 40)) = cv::Scalar(0, 60, 80);  // blue, green, red
  image(cv::Rect(30, 0, 30, 40)) = cv::Scalar(5, 0, 0);
  for (const std::int64_t batch : {1, 2, -1}) {
    const auto embedder = Embedder::load(folder_.write("m.onnx", mean_color_model(batch)), plain());
    EXPECT_EQ(embedder->dimension(), 3);
    const std::vector<Box> boxes = {
        {2, 3, 20, 30}, {100, 100, 120, 120}, {35.4F, -10, 90, 50}, {5, 5, 5, 9}, {NAN, 0, 9, 9}};
    const auto vectors = embedder->embed(image, boxes);
    ASSERT_EQ(vectors.size(), boxes.size());
    EXPECT_THAT(vectors[0], testing::ElementsAre(testing::FloatEq(0.8F), testing::FloatEq(0.6F), 0));
    EXPECT_TRUE(vectors[1].empty());
    EXPECT_THAT(vectors[2], testing::ElementsAre(0, 0, 1));
    EXPECT_TRUE(vectors[3].empty());
    EXPECT_TRUE(vectors[4].empty());
  }
}

TEST_F(EmbedderOfMeans, GivesNothingForAVectorWithoutLength) {
  const auto embedder = Embedder::load(folder_.write("m.onnx", mean_color_model(1)), plain());
  const std::vector<Box> boxes = {{0, 0, 8, 8}};
  EXPECT_TRUE(embedder->embed(cv::Mat(9, 9, CV_8UC3, cv::Scalar::all(0)), boxes)[0].empty());
}

TEST_F(EmbedderOfMeans, RejectsADetector) {
  const fs::path model = folder_.write("d.onnx", brightness_model({1, 3, 64, 64}, {}));
  try {
    Embedder::load(model, plain());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadConfig);
    EXPECT_THAT(error.describe(), testing::HasSubstr("no re-identification model"));
  }
}

}  // namespace
}  // namespace goshawk::detect
