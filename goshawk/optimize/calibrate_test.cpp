#include "goshawk/optimize/calibrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "goshawk/core/testing.h"
#include "goshawk/media/image.h"
#include "goshawk/onnx/graph_builder.h"

namespace goshawk::optimize {
namespace {

using onnx::Model;

TEST(Calibrate, ValuesThatAreNoNumbersCountForNoChannel) {
  ValueStatistics statistics;
  add_values(statistics, std::vector<float>{1, INFINITY, 3, NAN, NAN, -2}, {1, 2, 1, 3}, 0);
  EXPECT_EQ(statistics.channel_means, (std::vector<double>{2, -2}));
  EXPECT_EQ(statistics.channel_squares, (std::vector<double>{5, 4}));
  EXPECT_EQ(statistics.channel_ranges, (std::vector<Range>{{1, 3}, {-2, -2}}));
}

TEST(Calibrate, PicturesHaveTheShapeThatTheInputStates) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "grey.png";
  media::write_image(file, cv::Mat(40, 56, CV_8UC3, cv::Scalar(10, 20, 30)));
  Recipe recipe;
  recipe.input_width = 56, recipe.input_height = 40;
  const auto shape_for = [&](std::optional<std::vector<onnx::ValueDimension>> shape) {
    const auto tensor = image_tensor(file, recipe, {"x", onnx::ElementType::kFloat, std::move(shape), {}});
    const auto values = tensor.floats();
    EXPECT_EQ(values.size(), onnx::count_of(tensor.shape).value());
    const auto last = values.last(values.size() / (tensor.shape[0] == 2 ? 2 : 1));
    EXPECT_TRUE(std::equal(last.begin(), last.end(), values.begin()));
    return tensor.shape;
  };
  const onnx::ValueDimension three = std::int64_t{3}, open = std::string("H");
  EXPECT_EQ(shape_for(std::vector{onnx::ValueDimension(std::int64_t{2}), three, open, open}), (onnx::Shape{2, 3, 40, 56}));
  EXPECT_EQ(shape_for(std::vector{open, three, open, open}), (onnx::Shape{1, 3, 40, 56}));
  EXPECT_EQ(shape_for(std::vector{three, open, open}), (onnx::Shape{3, 40, 56}));
  EXPECT_EQ(shape_for(std::nullopt), (onnx::Shape{1, 3, 40, 56}));
  recipe.resize = Resize::kPadOnly;
  recipe.input_width = 64;
  EXPECT_EQ(shape_for(std::nullopt), (onnx::Shape{1, 3, 40, 64})) << "a fixed size, and no other";
  recipe.dynamic_size = true;
  recipe.stride = 32;
  EXPECT_EQ(shape_for(std::nullopt), (onnx::Shape{1, 3, 64, 64}));
  recipe.layout = Layout::kNhwc;
  EXPECT_EQ(shape_for(std::nullopt), (onnx::Shape{1, 64, 64, 3}));
}

TEST(Calibrate, WhatAnyOperatorMakesOfFloatsCanBeWatched) {
  onnx::GraphBuilder graph("exp");
  const auto x = graph.input("x", {std::int64_t{1}, std::int64_t{4}});
  const auto large = graph.node("Exp", {x}, {}, "large");
  graph.node("ArgMax", {large}, {}, "where");
  graph.node("Neg", {large}, {}, "y");
  graph.output("y", {std::int64_t{1}, std::int64_t{4}});
  Model model = onnx::parse_model(graph.serialize("test", "1"), "exp");
  EXPECT_THAT(float_values(model), ::testing::UnorderedElementsAre("x", "large", "y"));
}

}  // namespace
}  // namespace goshawk::optimize
