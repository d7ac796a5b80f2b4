#include "goshawk/optimize/refit.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <opencv2/core.hpp>

#include "goshawk/core/testing.h"
#include "goshawk/media/image.h"
#include "goshawk/media/image_source.h"
#include "goshawk/optimize/patches.h"
#include "goshawk/optimize/simplify.h"
#include "goshawk/optimize/testing.h"

namespace goshawk::optimize {
namespace {

namespace fs = std::filesystem;
using onnx::Model;
using onnx::Tensor;
using testing::floats_of;
using testing::noise_for;
using testing::relative_error;
using testing::small_network;

/// Pictures of noise as `model` takes them.
class RefitOnNoise : public ::testing::Test {
 protected:
  Pictures noise(const Model& model, int width, int height, int count = 12) {
    Recipe recipe;
    recipe.input_width = width;
    recipe.input_height = height;
    cv::RNG random(7);
    std::vector<fs::path> files;
    for (int i = 0; i < count; ++i) {
      cv::Mat picture(height, width, CV_8UC3);
      random.fill(picture, cv::RNG::UNIFORM, 0, 256);
      files.push_back(folder_ / (std::to_string(i) + ".png"));
      media::write_image(files.back(), picture);
    }
    return Pictures(model, recipe, files);
  }

  /// How far `model` is from `whole` in an output, on the pictures.
  static double error(const Model& whole, const Model& model, const Pictures& pictures, std::size_t output = 0) {
    const auto seen = [&](const Model& one) {
      std::vector<float> all;
      pictures.watch(one, {one.outputs[output].name}, [&](std::size_t, const Pictures::Values& values) {
        const auto floats = values.begin()->second->floats();
        all.insert(all.end(), floats.begin(), floats.end());
      });
      return all;
    };
    return relative_error(seen(whole), seen(model));
  }

  TemporaryFolder folder_;
};

/// Filters over patches are what ONNX Runtime's convolution answers.
TEST(Patches, FiltersOverThemAreTheConvolution) {
  struct Case {
    std::int64_t groups, kernel, stride, dilation;
    std::vector<std::int64_t> pads;
  };
  for (const auto& c : {Case{1, 3, 2, 1, {1, 1, 1, 1}}, Case{1, 3, 1, 2, {2, 0, 1, 3}}, Case{4, 3, 1, 1, {1, 1, 1, 1}},
                        Case{2, 2, 2, 1, {}}, Case{1, 1, 1, 1, {}}}) {
    const std::int64_t ins = 4, outs = 8;
    const onnx::Shape shape{outs, ins / c.groups, c.kernel, c.kernel};
    const auto weights = testing::normal_values(onnx::count_of(shape).value(), 1);
    onnx::GraphBuilder graph("one");
    const auto x = graph.input("x", {std::int64_t{1}, ins, std::int64_t{9}, std::int64_t{11}});
    onnx::Attributes attributes{{"group", c.groups},
                                {"strides", std::vector<std::int64_t>{c.stride, c.stride}},
                                {"dilations", std::vector<std::int64_t>{c.dilation, c.dilation}}};
    if (!c.pads.empty()) attributes.emplace_back("pads", c.pads);
    graph.node("Conv", {x, graph.constant("w", shape, weights)}, attributes, "y");
    graph.output("y", {std::string("n"), std::string("c"), std::string("h"), std::string("w_")});
    const Model model = onnx::parse_model(graph.serialize("test", "1"), "one");
    runtime::PlainModel runs(onnx::serialize(model), "one");
    const auto input = noise_for(runs, 1);
    const auto output = runs.run(input)[0];

    const auto geometry = conv_geometry(model, model.nodes[0]);
    ASSERT_TRUE(geometry);
    const auto places = sampled_places(static_cast<std::size_t>(output.shape[2] * output.shape[3]), 12, 3);
    const auto expected = answers(output.floats(), output.shape, places);
    const auto each = static_cast<Eigen::Index>(geometry->outs), depth = static_cast<Eigen::Index>(geometry->depth());
    for (std::size_t group = 0; group < geometry->groups; ++group) {
      const auto seen =
          patches(input[0].floats(), input[0].shape, *geometry, group, places, static_cast<std::size_t>(output.shape[3]));
      const Eigen::Map<const Eigen::MatrixXf> filters(weights.data() + group * geometry->depth() * geometry->outs, depth,
                                                      each);
      const auto first = static_cast<Eigen::Index>(group) * each;
      EXPECT_LT((seen * filters - expected.middleCols(first, each)).cwiseAbs().maxCoeff(), 1e-4F) << c.kernel << c.groups;
    }
  }
}

TEST(Patches, PlacesAreDifferentOnesAndTheSameForTheSameSeed) {
  const auto places = sampled_places(100, 30, 5);
  EXPECT_EQ(std::set<std::size_t>(places.begin(), places.end()).size(), 30U);
  EXPECT_LT(*std::max_element(places.begin(), places.end()), 100U);
  EXPECT_EQ(places, sampled_places(100, 30, 5));
  EXPECT_NE(places, sampled_places(100, 30, 6));
  EXPECT_EQ(sampled_places(10, 30, 5).size(), 10U);
}

TEST(Patches, WhatIsNoPlainConvolutionIsLeftOut) {
  Model model = small_network();
  const auto conv = std::find_if(model.nodes.begin(), model.nodes.end(), [](const auto& n) { return n.is("Conv"); });
  ASSERT_TRUE(conv_geometry(model, *conv));
  conv->attributes["auto_pad"] = std::string("SAME_UPPER");
  EXPECT_FALSE(conv_geometry(model, *conv));
  EXPECT_FALSE(conv_geometry(model, model.nodes.back().is("Conv") ? *std::next(conv) : model.nodes.back()));
}

/// 16 channels of which the second half repeat the first, then a convolution over all.
Model with_twins(bool with_bias = true) {
  onnx::GraphBuilder graph("twins");
  auto first = testing::normal_values(std::size_t{16} * 3 * 9, 0.4F);
  std::copy_n(first.begin(), 8 * 27, first.begin() + 8 * 27);
  const auto second = testing::normal_values(std::size_t{4} * 16 * 9, 0.4F);
  const std::vector<std::int64_t> pads{1, 1, 1, 1};
  const auto x = graph.input("x", {std::int64_t{1}, std::int64_t{3}, std::int64_t{20}, std::int64_t{24}});
  const auto conv =
      graph.node("Conv", {x, graph.constant("w", std::vector<std::int64_t>{16, 3, 3, 3}, first)}, {{"pads", pads}}, "a");
  std::vector<std::string> inputs{graph.node("Relu", {conv}),
                                  graph.constant("v", std::vector<std::int64_t>{4, 16, 3, 3}, second)};
  if (with_bias) inputs.push_back(graph.constant("b", std::vector<std::int64_t>{4}, std::vector<float>{0.1F, -3, 2, 0}));
  graph.node("Conv", inputs, {{"pads", pads}}, "y");
  graph.output("y", {std::int64_t{1}, std::int64_t{4}, std::int64_t{20}, std::int64_t{24}});
  return onnx::parse_model(graph.serialize("test", "1"), "twins");
}

TEST_F(RefitOnNoise, OneOfEachPairGoesAndTheOtherDoesItsWork) {
  for (const bool with_bias : {true, false}) {
    const Model whole = with_twins(with_bias);
    const auto pictures = noise(whole, 24, 20);
    const auto covariances = covariances_of(whole, pictures);
    auto done = prune(whole, &covariances, {.saliency = Saliency::kActivation, .target = 0.55, .multiple = 1});
    ASSERT_EQ(done.layers.size(), 1U);
    ASSERT_EQ(done.layers[0].output, "a");
    std::set<std::size_t> pairs;
    for (const auto channel : done.layers[0].kept) pairs.insert(channel % 8);
    EXPECT_EQ(pairs.size(), 8U) << "both of a pair went";
    const double before = error(whole, done.model, pictures);
    EXPECT_GT(before, 0.2);
    refit(done, whole, pictures);
    EXPECT_EQ(done.refitted, 1U);
    EXPECT_LT(error(whole, done.model, pictures), 0.05);
  }
}

TEST_F(RefitOnNoise, NetworksOfAllPartsComeCloser) {
  const Model whole = small_network();
  const auto pictures = noise(whole, 25, 23, 40);
  const auto covariances = covariances_of(whole, pictures);
  for (const auto saliency : {Saliency::kMagnitude, Saliency::kActivation}) {
    auto done = prune(whole, &covariances, {.saliency = saliency, .target = 0.6, .multiple = 1});
    const double before = error(whole, done.model, pictures);
    std::int64_t reported = 0, total = 0;
    refit(done, whole, pictures, [&](auto now, auto of) { reported = now, total = of; });
    EXPECT_GT(done.refitted, 2U);
    EXPECT_EQ(reported, total);
    EXPECT_LT(error(whole, done.model, pictures), 0.7 * before) << to_string(saliency);
  }
}

TEST_F(RefitOnNoise, ConvolutionsOfTheSameWeightsAreEachRefitted) {
  Model whole = with_twins();
  auto again = whole.nodes.back();
  again.outputs = {"z"};
  again.name = "z";
  whole.nodes.push_back(again);
  whole.outputs.push_back({"z", onnx::ElementType::kFloat, {}, {}});
  const auto pictures = noise(whole, 24, 20);
  auto done = prune(whole, nullptr, {.target = 0.7, .multiple = 1});
  const std::vector<double> before{error(whole, done.model, pictures, 0), error(whole, done.model, pictures, 1)};
  refit(done, whole, pictures);
  for (const std::size_t output : {0U, 1U})
    EXPECT_LT(error(whole, done.model, pictures, output), 0.7 * before[output]) << output;
}

TEST_F(RefitOnNoise, RealDetectorsComeCloser) {
  const fs::path shared(GOSHAWK_SHARED_DATA);
  if (!fs::exists(shared / "models")) GTEST_SKIP() << "needs ../shared/models";
  Model whole = onnx::read_model(shared / "models" / "yolox_nano.onnx");  // depthwise layers all over
  simplify(whole);
  Recipe recipe;
  recipe.input_width = recipe.input_height = 416;
  auto images = media::images_in_folder(shared / "data" / "coco128" / "images");
  ASSERT_GT(images.size(), 4U);
  images.resize(4);
  const Pictures pictures(whole, recipe, images);
  const auto covariances = covariances_of(whole, pictures);
  auto done = prune(whole, &covariances, {.saliency = Saliency::kActivation, .target = 0.7, .multiple = 4});
  const double before = error(whole, done.model, pictures);
  refit(done, whole, pictures);
  EXPECT_GT(done.refitted, 30U);
  EXPECT_LT(error(whole, done.model, pictures), 0.6 * before);
}

TEST_F(RefitOnNoise, PicturesThatCannotBeReadAreLeftOut) {
  const Model model = with_twins();
  Recipe recipe;
  recipe.input_width = 24;
  recipe.input_height = 20;
  const auto bad = folder_.write("bad.png", "no picture");
  const auto good = folder_ / "good.png";
  media::write_image(good, cv::Mat(20, 24, CV_8UC3, cv::Scalar(1, 2, 3)));
  EXPECT_EQ(Pictures(model, recipe, {bad, good}).count(), 1U);
  EXPECT_EQ(code_of([&] { Pictures(model, recipe, {bad}); }), ErrorCode::kBadData);
  EXPECT_EQ(code_of([&] { Pictures(model, recipe, {}); }), ErrorCode::kNotFound);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(code_of([&] { Pictures(model, recipe, {good}, stop.get_token()); }), ErrorCode::kInterrupted);
}

}  // namespace
}  // namespace goshawk::optimize
