#include "goshawk/detect/detector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <opencv2/core.hpp>

#include "goshawk/core/error.h"
#include "goshawk/detect/conformance.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/detect/testing_onnx.h"

namespace goshawk::detect {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

DetectorOptions on_cpu() {
  DetectorOptions options;
  options.session.device.kind = runtime::DeviceKind::kCpu;
  options.session.precision = runtime::Precision::kFp32;
  options.session.threads = 1;
  return options;
}

class DetectorOfBrightness : public testing::Test {
 protected:
  fs::path model(const Dimensions& input, std::map<std::string, std::string> metadata = ultralytics_metadata()) {
    return folder_.write("model.onnx", brightness_model(input, metadata));
  }
  /// Pictures of several sizes and contents.
  static std::vector<cv::Mat> pictures(int count) {
    std::vector<cv::Mat> images;
    for (int i = 0; i < count; ++i)
      images.push_back(synthetic_picture(40 + 37 * i % 90, 30 + 23 * i % 70, static_cast<std::uint32_t>(i)));
    return images;
  }
  TemporaryFolder folder_;
};

std::vector<Detections> one_by_one(Detector& detector, const std::vector<cv::Mat>& images) {
  std::vector<Detections> results;
  for (const auto& image : images) results.push_back(detector.detect({&image, 1}).at(0));
  return results;
}

TEST_F(DetectorOfBrightness, FindsTheBrightCellInPixelsOfTheImage) {
  // Black but for a white cell at input (8..16, 8..16); 128 x 128 is halved into 64 x 64.
  cv::Mat image(128, 128, CV_8UC3, cv::Scalar::all(0));
  image(cv::Rect(16, 16, 16, 16)) = cv::Scalar::all(255);
  const auto detector = Detector::load(model({1, 3, 64, 64}), on_cpu());
  const auto found = detector->detect({&image, 1});
  ASSERT_EQ(found.at(0).size(), 1U);
  EXPECT_NEAR(found[0][0].score, 1, 1e-5);
  EXPECT_EQ(found[0][0].class_id, 0);
  // cx = cy = 64, w = 24, h = 24 + 0: the blue channel widens both by 8.
  EXPECT_NEAR(found[0][0].box.x1, 2 * (64 - 12), 1e-3);
  EXPECT_NEAR(found[0][0].box.x2, 128, 1e-3);  // clipped
  EXPECT_EQ(detector->timings().inference.summary().count, 1U);
}

TEST_F(DetectorOfBrightness, GivesTheSameForEveryBatch) {
  for (const Dimensions& input :
       {Dimensions{1, 3, 64, 64}, Dimensions{-1, 3, 64, 64}, Dimensions{4, 3, 64, 64}, Dimensions{-1, 3, -1, -1}}) {
    DetectorOptions options = on_cpu();
    options.confidence = 0.3F;
    const auto detector = Detector::load(model(input), options);
    const auto images = pictures(11);
    const auto expected = one_by_one(*detector, images);
    EXPECT_EQ(detector->detect(images), expected);
    EXPECT_GT(expected[0].size() + expected[1].size(), 0U);
  }
}

TEST_F(DetectorOfBrightness, GivesEachSubmittedCallItsOwnResults) {
  for (const Dimensions& input : {Dimensions{1, 3, 64, 64}, Dimensions{-1, 3, -1, -1}}) {
    DetectorOptions options = on_cpu();
    options.confidence = 0.3F;
    const auto detector = Detector::load(model(input), options);
    const auto images = pictures(40);
    const auto expected = one_by_one(*detector, images);
    std::vector<std::future<std::vector<Detections>>> calls;
    for (std::size_t i = 0; i < images.size(); i += 2) calls.push_back(detector->submit({images[i], images[i + 1]}));
    calls.push_back(detector->submit({}));
    std::vector<Detections> found;
    for (auto& call : calls) {
      for (auto& detections : call.get()) found.push_back(std::move(detections));
    }
    EXPECT_EQ(found, expected);
    EXPECT_EQ(detector->timings().inference.summary().count, images.size() + images.size() / 2);
  }
}

TEST_F(DetectorOfBrightness, FinishesWhatWasSubmittedBeforeItEnds) {
  auto detector = Detector::load(model({1, 3, 64, 64}), on_cpu());
  auto call = detector->submit(pictures(20));
  detector.reset();
  EXPECT_EQ(call.get().size(), 20U);
}

TEST_F(DetectorOfBrightness, UsesTheSmallestRectangleOfADynamicModel) {
  const auto detector = Detector::load(model({-1, 3, -1, -1}), on_cpu());
  const cv::Mat wide(30, 120, CV_8UC3, cv::Scalar::all(255));  // 64 x 16 within 64 x 32
  EXPECT_FALSE(detector->detect({&wide, 1}).at(0).empty());
}

TEST_F(DetectorOfBrightness, KeepsTheFixedSideOfAModelWhoseOtherVaries) {
  const cv::Mat wide(30, 120, CV_8UC3, cv::Scalar::all(255)), tall(120, 30, CV_8UC3, cv::Scalar::all(255));
  const auto fixed = Detector::load(model({1, 3, 64, 64}), on_cpu());
  for (const Dimensions& input : {Dimensions{1, 3, 64, -1}, Dimensions{1, 3, -1, 64}}) {
    const auto detector = Detector::load(model(input), on_cpu());
    for (const cv::Mat& image : {wide, tall}) {
      EXPECT_EQ(detector->detect({&image, 1}), fixed->detect({&image, 1})) << input[2] << "x" << input[3];
    }
  }
}

TEST_F(DetectorOfBrightness, TakesAnInputOfWhichNothingIsStated) {
  const cv::Mat wide(30, 120, CV_8UC3, cv::Scalar::all(255));
  const auto stated = Detector::load(model({-1, 3, -1, -1}), on_cpu());
  const auto detector = Detector::load(model({-1, -1, -1, -1}), on_cpu());
  EXPECT_FALSE(detector->detect({&wide, 1}).at(0).empty());
  EXPECT_EQ(detector->detect({&wide, 1}), stated->detect({&wide, 1}));
}

TEST_F(DetectorOfBrightness, ObeysItsOptions) {
  DetectorOptions options = on_cpu();
  options.confidence = 0;
  options.iou = 1;
  options.max_detections = 3;
  const std::vector<cv::Mat> images = pictures(1);
  EXPECT_EQ(Detector::load(model({1, 3, 64, 64}), options)->detect(images).at(0).size(), 3U);
  options.classes = {"light"};
  EXPECT_EQ(Detector::load(model({1, 3, 64, 64}), options)->detect(images).at(0).size(), 3U);
  options.classes = {"0"};
  EXPECT_EQ(Detector::load(model({1, 3, 64, 64}), options)->detect(images).at(0).size(), 3U);
  options.image_size = 100;
  EXPECT_EQ(Detector::load(model({-1, 3, -1, -1}), options)->recipe().input_width, 128);
}

TEST_F(DetectorOfBrightness, TakesOneOfOverlappingClassesWhereAskedTo) {
  cv::Mat image(64, 64, CV_8UC3, cv::Scalar::all(0));
  image(cv::Rect(8, 8, 8, 8)) = cv::Scalar::all(255);          // the truck's score is the better one
  image(cv::Rect(16, 8, 8, 8)) = cv::Scalar::all(0.87 * 255);  // the car's; its box overlaps by 0.3
  auto metadata = ultralytics_metadata();
  metadata["names"] = "{0: 'car', 1: 'truck'}";
  const fs::path path = folder_.write("two.onnx", brightness_model({1, 3, 64, 64}, metadata, 2));
  DetectorOptions options = on_cpu();
  options.iou = 0.2F;
  const auto apart = Detector::load(path, options)->detect({&image, 1}).at(0);
  options.agnostic_nms = true;
  const auto together = Detector::load(path, options)->detect({&image, 1}).at(0);
  ASSERT_EQ(apart.size(), 2U);
  ASSERT_EQ(together.size(), 1U);
  EXPECT_EQ(together[0], apart[0]);
  EXPECT_EQ(apart[0].class_id, 1);
  EXPECT_EQ(apart[1].class_id, 0);
}

TEST(KeptClasses, AreNamesFirstAndElseNumbers) {
  const std::vector<std::string> names{"1", "2", "car", "car"};
  EXPECT_TRUE(kept_classes({}, names).empty());
  EXPECT_EQ(kept_classes({"1"}, names), (std::vector<bool>{true, false, false, false}));
  EXPECT_EQ(kept_classes({"0", "car"}, names), (std::vector<bool>{true, false, true, true}));
  EXPECT_THROW(kept_classes({"4"}, names), Error);
}

TEST_F(DetectorOfBrightness, RejectsOptionsThatMakeNoSense) {
  const auto error_of = [&](auto change) {
    DetectorOptions options = on_cpu();
    change(options);
    try {
      Detector::load(model({1, 3, 64, 64}), options);
    } catch (const Error& error) {
      return error.describe();
    }
    return std::string("no error");
  };
  EXPECT_THAT(error_of([](auto& o) { o.confidence = 1.5F; }), HasSubstr("between 0 and 1 (--conf)"));
  EXPECT_THAT(error_of([](auto& o) { o.iou = -1.0F; }), HasSubstr("between 0 and 1 (--iou)"));
  EXPECT_THAT(error_of([](auto& o) { o.max_detections = 0; }), HasSubstr("--max-det"));
  EXPECT_THAT(error_of([](auto& o) { o.image_size = 32; }), HasSubstr("fixed at 64 x 64"));
  EXPECT_THAT(error_of([](auto& o) { o.classes = {"ligth"}; }), HasSubstr("no class 'ligth'; did you mean 'light'?"));
  const fs::path names = folder_.write("two.txt", "a\nb\n");
  EXPECT_THAT(error_of([&](auto& o) { o.class_names = names; }), HasSubstr("yolov8 with 2 classes"));
}

TEST_F(DetectorOfBrightness, RejectsImagesThatAreNone) {
  const auto detector = Detector::load(model({1, 3, 64, 64}), on_cpu());
  const cv::Mat empty, gray(10, 10, CV_8UC1);
  EXPECT_THROW(detector->detect({&empty, 1}), Error);
  EXPECT_THROW(detector->detect({&gray, 1}), Error);
  EXPECT_TRUE(detector->detect({}).empty());
}

class Conformance : public DetectorOfBrightness {
 protected:
  runtime::SessionOptions session_ = on_cpu().session;
};

TEST_F(Conformance, PassesAfterRecordingAndMakesTheModelSelfContained) {
  const fs::path plain = model({1, 3, 64, 64}), recorded = folder_.path() / "recorded.onnx";
  const std::vector<NamedImage> images = {{"a", synthetic_picture(400, 300, 9)}, {"b", synthetic_picture(20, 31, 4)}};
  for (const auto& chosen : {std::vector<NamedImage>{}, images}) {
    write_conformance(plain, recorded, record_conformance(plain, chosen, session_));
    const ConformanceReport report = verify_conformance(recorded, session_);
    EXPECT_TRUE(report.passed());
    ASSERT_EQ(report.results.size(), 2U);
    for (const auto& result : report.results) {
      EXPECT_GT(result.expected, 0);
      EXPECT_EQ(result.matched, result.expected);
      EXPECT_EQ(result.unexpected, 0);
      EXPECT_EQ(result.box_error, 0);
      EXPECT_EQ(result.output_error, 0);
    }
    EXPECT_EQ(Detector::load(recorded, on_cpu())->recipe(), Detector::load(plain, on_cpu())->recipe());
  }
}

/// Rows of boxes with scores of a millionth of the picture's brightness, as networks without training give.
std::string unsure_list(float width) {
  using namespace runtime::testing;  // NOLINT: messages of ONNX
  Graph graph;
  graph.nodes = {node("GlobalAveragePool", {"images"}, {"means"}), node("Conv", {"means", "weights", "bias"}, {"row"}),
                 node("Reshape", {"row", "shape"}, {"output0"})};
  std::vector<float> weights(12UL * 3, 0);
  weights[4 * 3] = 1e-6F, weights[10 * 3] = 2e-6F;
  graph.initializers = {float_tensor("weights", {12, 3, 1, 1}, weights),
                        float_tensor("bias", {12}, {8, 8, 24, 24, 0, 0, 30, 30, 30 + width, 50, 0, 0}),
                        int64_tensor("shape", {1, 2, 6})};
  graph.inputs = {value_info("images", kFloat, {1, 3, 64, 64})};
  graph.outputs = {value_info("output0", kFloat, {1, 2, 6})};
  graph.metadata = ultralytics_metadata();
  return graph.model();
}

TEST_F(Conformance, ListsWithoutASureDetectionAreHeldAgainstTheUnsureOnes) {
  const fs::path plain = folder_.write("plain.onnx", unsure_list(20)), other = folder_.write("other.onnx", unsure_list(9));
  const Recording recording = record_conformance(plain, {}, session_);
  EXPECT_GT(recording.vectors.at(0).detections.size(), 0U);
  const fs::path recorded = folder_.path() / "recorded.onnx";
  write_conformance(plain, recorded, recording);
  EXPECT_TRUE(verify_conformance(recorded, session_).passed());
  write_conformance(other, recorded, recording);
  EXPECT_FALSE(verify_conformance(recorded, session_).passed());
}

TEST_F(Conformance, TextReadsBackWhatItWrites) {
  const Recording recording =
      record_conformance(model({1, 3, 64, 64}), std::vector<NamedImage>{{"x", synthetic_picture(31, 17, 3)}}, session_);
  const std::string text = conformance_text(recording.vectors);
  const auto read = parse_conformance(text, "x");
  EXPECT_EQ(conformance_text(read), text);
  EXPECT_EQ(cv::norm(read.at(0).image, recording.vectors.at(0).image, cv::NORM_INF), 0);
}

TEST_F(Conformance, FailsWhenPreprocessingOrTheModelChanged) {
  const fs::path plain = model({1, 3, 64, 64}), recorded = folder_.path() / "recorded.onnx";
  Recording recording = record_conformance(plain, {}, session_);
  recording.recipe.color = ColorOrder::kBgr;
  write_conformance(plain, recorded, recording);
  EXPECT_FALSE(verify_conformance(recorded, session_).passed());

  recording = record_conformance(plain, {}, session_);
  recording.vectors[0].detections[0].box.x1 += 1;
  write_conformance(plain, recorded, recording);
  const auto report = verify_conformance(recorded, session_);
  EXPECT_FALSE(report.passed());
  EXPECT_EQ(report.results[0].missing, 1);
  EXPECT_EQ(report.results[0].unexpected, 1);
  EXPECT_THAT(report.results[0].why(), HasSubstr("not found again; 1 not recorded"));
  EXPECT_TRUE(verify_conformance(recorded, session_, ConformanceTolerance{2, 1e-3F, 1e-3F}).passed());

  recording = record_conformance(plain, {}, session_);
  recording.vectors[0].outputs.at(0).values[3] += 1;
  recording.vectors[1].outputs.at(0).shape = {1, 5, 63};
  write_conformance(plain, recorded, recording);
  auto results = verify_conformance(recorded, session_).results;
  EXPECT_THAT(results[0].why(), HasSubstr("outputs differ by"));
  EXPECT_EQ(results[1].why(), "output 'output0' is [1, 5, 64], not [1, 5, 63]");
  EXPECT_FALSE(results[1].passed);
  recording.vectors[1].outputs[0].name = "output1";
  write_conformance(plain, recorded, recording);
  results = verify_conformance(recorded, session_).results;
  EXPECT_EQ(results[1].why(), "there is no output 'output1'");
  EXPECT_EQ(to_json({{}, {}, "", results})["vectors"][1]["why"], "there is no output 'output1'");
}

TEST_F(Conformance, SaysWhenThereAreNoVectorsOrDamagedOnes) {
  const fs::path plain = model({1, 3, 64, 64});
  try {
    verify_conformance(plain, session_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadConfig);
    EXPECT_THAT(error.describe(), HasSubstr("--record"));
  }
  for (const char* text : {"{}", "[]", R"({"version": 2, "vectors": []})", R"({"version": 1, "vectors": [{}]})",
                           R"({"version": 1, "vectors": [{"name": "x", "width": 99999999, "height": 99999999, "bgr": ""}]})",
                           R"({"version": 1, "vectors": [{"name": "x", "width": 1, "height": 1, "bgr": "%%%%"}]})"}) {
    EXPECT_THROW(parse_conformance(text, "x"), Error) << text;
  }
}

TEST_F(Conformance, LimitsThePicturesThatAFewNumbersAskFor) {
  const std::string one =
      R"({"name": "x", "width": 4096, "height": 4096, "synthetic": 1, "threshold": 0.5, "detections": [],)"
      R"( "outputs": [], "tolerance": {"box": 1, "score": 1, "output": 1}})";
  const auto document = [](const std::string& vectors) { return R"({"version": 1, "vectors": [)" + vectors + "]}"; };
  EXPECT_EQ(parse_conformance(document(one), "x").size(), 1U);
  try {
    parse_conformance(document(one + "," + one + "," + one), "x");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("too large together"));
  }
}

}  // namespace
}  // namespace goshawk::detect
