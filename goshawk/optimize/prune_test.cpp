#include "goshawk/optimize/prune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "goshawk/core/error.h"
#include "goshawk/core/testing.h"
#include "goshawk/optimize/shapes.h"
#include "goshawk/optimize/simplify.h"
#include "goshawk/optimize/testing.h"

namespace goshawk::optimize {
namespace {

namespace fs = std::filesystem;
using onnx::Model;
using onnx::Tensor;
using testing::floats_of;
using testing::outputs_of;
using testing::relative_error;
using testing::small_network;

/// The answer of a network whose channels `gone` are zero must be that of one without them.
TEST(Prune, RemovingChannelsIsZeroingThem) {
  Model model = small_network();
  // Channels that do nothing: their filters and biases are zero, and so is what SiLU makes of them.
  const std::vector<std::string> layers{"stem", "inner", "second", "depthwise", "wide"};
  for (const auto& layer : layers) {
    auto& weights = model.constants[layer + ".weight"];
    auto& bias = model.constants[layer + ".bias"];
    auto w = weights.floats();
    auto b = bias.floats();
    const std::size_t outs = b.size(), each = w.size() / outs;
    for (std::size_t c = 0; c < outs; c += 2) {
      std::fill_n(w.begin() + static_cast<std::ptrdiff_t>(c * each), each, 0.0F);
      b[c] = 0;
    }
    weights = Tensor::of(weights.name, weights.shape, w);
    bias = Tensor::of(bias.name, bias.shape, b);
  }
  const auto expected = floats_of(outputs_of(model, 1, false)[0]);
  PruneOptions options;
  options.target = 0.45;
  options.multiple = 1;
  options.least_kept = 0.5;
  const auto done = prune(model, nullptr, options);
  EXPECT_LT(done.after, 0.5 * done.before);
  EXPECT_LT(done.weights_after, done.weights_before);
  EXPECT_LT(relative_error(expected, floats_of(outputs_of(done.model, 1, false)[0])), 1e-5);
}

TEST(Prune, SlopesOfPReluGoWithTheirChannels) {
  onnx::GraphBuilder graph("slopes");
  std::vector<float> weights(16 * 3, 0.01F), slopes(16), last(16, 1.0F);
  for (std::size_t c = 0; c < 16; ++c) {
    slopes[c] = static_cast<float>(c);
    if (c >= 8) std::fill_n(weights.begin() + static_cast<std::ptrdiff_t>(c * 3), 3, -1.0F);
  }
  const std::vector<std::int64_t> first{16, 3, 1, 1}, by_channel{16, 1, 1}, second{1, 16, 1, 1};
  const auto x = graph.input("x", {std::int64_t{1}, std::int64_t{3}, std::int64_t{4}, std::int64_t{5}});
  const auto conv = graph.node("Conv", {x, graph.constant("w", first, weights)});
  const auto bent = graph.node("PRelu", {conv, graph.constant("slope", by_channel, slopes)});
  graph.node("Conv", {bent, graph.constant("v", second, last)}, {}, "y");
  graph.output("y", {std::int64_t{1}, std::int64_t{1}, std::int64_t{4}, std::int64_t{5}});
  const auto done =
      prune(onnx::parse_model(graph.serialize("test", "1"), "slopes"), nullptr, {.target = 0.5, .multiple = 8});
  EXPECT_EQ(done.model.constants.at("slope").floats(), std::vector<float>(slopes.begin() + 8, slopes.end()));
  EXPECT_EQ(outputs_of(done.model, 1, false)[0].shape, (std::vector<std::int64_t>{1, 1, 4, 5}));
}

TEST(Prune, CountsThatRemainAreMultiples) {
  const auto done = prune(small_network(), nullptr, {.target = 0.6, .multiple = 8});
  EXPECT_LE(done.after, 0.6 * done.before);
  for (const auto& layer : done.layers) EXPECT_EQ(layer.kept.size() % 8, 0U) << layer.label;
  EXPECT_FALSE(done.layers.empty());
  EXPECT_EQ(outputs_of(done.model, 1, false)[0].shape, (std::vector<std::int64_t>{1, 5, 6, 7}));
}

TEST(Prune, WhatALayerKeepsIsOfItsFirstWidth) {
  PruneOptions options{.target = 0.7, .least_kept = 0.6, .multiple = 1};
  options.widths = widths_of(small_network());
  EXPECT_EQ(options.widths.at("stem"), 32U);
  EXPECT_EQ(options.widths.at("wide"), 24U);
  const auto once = prune(small_network(), nullptr, options);
  options.target = 0.01;
  const auto held = prune(once.model, nullptr, options).model;
  options.widths.clear();
  const auto free = prune(once.model, nullptr, options).model;
  const auto least = [](const Model& model) {
    double share = 1;
    const auto whole = widths_of(small_network());
    for (const auto& [layer, width] : widths_of(model))
      share = std::min(share, static_cast<double>(width) / static_cast<double>(whole.at(layer)));
    return share;
  };
  EXPECT_GE(least(held), 0.6);
  EXPECT_LT(least(free), 0.6);
}

/// A convolution to 16 channels, which are split; the halves are multiplied (as a gated linear unit does) or each go into a
/// convolution of their own. The first half is the weaker.
Model split_network(bool gated) {
  onnx::GraphBuilder graph("split");
  const auto filters = [&](const std::string& name, std::int64_t outs, std::int64_t ins) {
    std::vector<float> values(static_cast<std::size_t>(outs * ins));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = (0.1F + static_cast<float>(i % 7)) * (i < values.size() / 2 ? 0.01F : 1.0F);
    return graph.constant(name, std::vector<std::int64_t>{outs, ins, 1, 1}, values);
  };
  const auto x = graph.input("x", {std::int64_t{1}, std::int64_t{3}, std::int64_t{4}, std::int64_t{4}});
  const auto wide = graph.node("Conv", {x, filters("w", 16, 3)});
  const auto halves = graph.node_of_many("Split", {wide, graph.constant("halves", std::vector<std::int64_t>{8, 8})}, 2,
                                         {{"axis", std::int64_t{1}}});
  if (gated) {
    graph.node("Conv", {graph.node("Mul", {halves[0], halves[1]}), filters("v", 2, 8)}, {}, "y");
  } else {
    const auto one = graph.node("Conv", {halves[0], filters("v", 2, 8)});
    graph.node("Add", {one, graph.node("Conv", {halves[1], filters("u", 2, 8)})}, {}, "y");
  }
  graph.output("y", {std::int64_t{1}, std::int64_t{2}, std::int64_t{4}, std::int64_t{4}});
  return onnx::parse_model(graph.serialize("test", "1"), "split network");
}

TEST(Prune, NoPartOfASplitLosesAllItsChannels) {
  for (const bool gated : {false, true}) {
    for (const double target : {0.6, 0.3, 0.05}) {
      for (const int multiple : {1, 8}) {
        const auto done = prune(split_network(gated), nullptr, {.target = target, .least_kept = 0.01, .multiple = multiple});
        for (const auto& layer : done.layers) EXPECT_GT(layer.kept.size(), 0U);
        EXPECT_FALSE(outputs_of(done.model, 1, true).empty()) << gated << target << multiple;
      }
    }
  }
}

TEST(Prune, WhatAnOpenSizeCostsIsToldByOnePicture) {
  Model model = split_network(false);
  for (const std::size_t d : {2, 3}) (*model.inputs[0].shape)[d] = std::string("side");
  model.outputs[0].shape.reset();
  EXPECT_LT(prune(model, nullptr, {.target = 0.6, .multiple = 1}).after, 0.7 * 640 * 640 * (16 * 3 + 2 * 16));
}

TEST(Prune, AnOpenBatchCostsWhatOnePictureDoes) {
  const PruneOptions options{.target = 0.6, .multiple = 8};
  const auto fixed = prune(small_network(), nullptr, options);
  Model model = small_network();
  for (auto* info : {&model.inputs[0], &model.outputs[0]}) info->shape->at(0) = std::string("batch");
  const auto open = prune(model, nullptr, options);
  EXPECT_EQ(open.before, fixed.before);
  EXPECT_EQ(open.after, fixed.after);
}

TEST(Prune, RealDetectorsStillRun) {
  const fs::path folder = fs::path(GOSHAWK_SHARED_DATA) / "models";
  if (!fs::exists(folder)) GTEST_SKIP() << "needs ../shared/models";
  for (const char* name :
       {"yolox_nano.onnx", "nanodet.onnx", "foreign/yolo11n-tiny.onnx", "foreign/yolov8n-tiny-nms.onnx"}) {
    Model model = onnx::read_model(folder / name);
    simplify(model);
    const auto before = outputs_of(model, 64, true);
    const auto done = prune(model, nullptr, {.target = 0.7, .multiple = 4});
    EXPECT_LT(done.after, done.before) << name;
    const auto after = outputs_of(done.model, 64, true);
    ASSERT_EQ(after.size(), before.size()) << name;
    EXPECT_EQ(after[0].shape.size(), before[0].shape.size()) << name;
  }
}

TEST(Prune, NarrowLayersLoseChannelsToo) {
  onnx::GraphBuilder graph("narrow");
  auto value = graph.input("x", {std::int64_t{1}, std::int64_t{3}, std::int64_t{9}, std::int64_t{9}});
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  std::int64_t ins = 3;
  for (const std::int64_t outs : {16, 64, 5}) {
    std::vector<float> weights(static_cast<std::size_t>(ins * outs));
    for (auto& w : weights) w = normal(random);
    const std::vector<std::int64_t> shape{outs, ins, 1, 1}, ones{1, 1};
    const auto name = "c" + std::to_string(outs);
    value = graph.node("Conv", {value, graph.constant(name + ".weight", shape, weights)}, {{"kernel_shape", ones}}, name);
    ins = outs;
  }
  graph.output(value, {std::int64_t{1}, std::int64_t{5}, std::int64_t{9}, std::int64_t{9}});
  const auto done = prune(onnx::parse_model(graph.serialize("test", "1"), "narrow"), nullptr, {.target = 0.3});
  std::map<std::string, std::size_t> after;
  for (const auto& layer : done.layers) after[layer.label] = layer.kept.size();
  EXPECT_EQ(after["c16"], 8U);
  EXPECT_EQ(after["c64"] % 16, 0U);
  EXPECT_LT(after["c64"], 64U);
}

TEST(Prune, NamesOfNoConvolutionAreRefused) {
  const Model model = small_network();
  EXPECT_NO_THROW(check_whole(model, {"stem", "y"}));
  const auto told = text_of_error([&] { check_whole(model, {"y", "sten"}); }, ErrorCode::kUsage);
  EXPECT_NE(told.find("no convolution 'sten'"), std::string::npos) << told;
  EXPECT_NE(told.find("did you mean 'stem'"), std::string::npos) << told;
}

}  // namespace
}  // namespace goshawk::optimize
