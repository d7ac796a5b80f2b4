#include "goshawk/optimize/input_size.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "goshawk/core/error.h"
#include "goshawk/core/testing.h"
#include "goshawk/detect/testing_onnx.h"
#include "goshawk/onnx/model.h"
#include "goshawk/onnx/wiring.h"
#include "goshawk/optimize/simplify.h"
#include "goshawk/optimize/testing.h"

namespace goshawk::optimize {
namespace {

namespace fs = std::filesystem;
using testing::outputs_of;

Recipe recipe_with(int side) {
  Recipe recipe;
  recipe.input_width = recipe.input_height = side;
  return recipe;
}

TEST(InputSize, OfANetworkThatLooksPlaceByPlaceChangesTheNumberOfPlaces) {
  auto model = onnx::parse_model(detect::brightness_model({1, 3, 64, 64}, {}), "brightness");
  auto recipe = recipe_with(64);
  set_input_size(model, recipe, 96);
  EXPECT_EQ(recipe.input_height, 96);
  const auto outputs = outputs_of(model, 1, false);
  EXPECT_EQ(outputs.at(0).shape, (std::vector<std::int64_t>{1, 5, 144}));
  EXPECT_EQ(std::get<std::int64_t>(model.outputs[0].shape->at(2)), 144);
}

TEST(InputSize, ThereAndBackIsTheSameModel) {
  const fs::path file = fs::path(GOSHAWK_SHARED_DATA) / "models" / "yolox_nano.onnx";
  if (!fs::exists(file)) GTEST_SKIP() << "needs ../shared/models";
  const auto original = onnx::read_model(file);
  auto model = original;
  auto recipe = recipe_with(416);
  set_input_size(model, recipe, 320);
  EXPECT_EQ(outputs_of(model, 1, false).at(0).shape, (std::vector<std::int64_t>{1, 2100, 85}));
  set_input_size(model, recipe, 416);
  EXPECT_TRUE(outputs_of(model, 1, false, 40) == outputs_of(original, 1, false, 40));
}

/// As Ultralytics writes them, for 160 pixels: grids that are computed ahead, shapes that are stated, attention.
TEST(InputSize, GridsAndShapesThatWereMadeForASizeFollowIt) {
  const fs::path folder = fs::path(GOSHAWK_SHARED_DATA) / "models" / "foreign";
  if (!fs::exists(folder)) GTEST_SKIP() << "needs ../shared/models";
  for (const char* name : {"yolov5n-tiny", "yolov8n-tiny", "yolo11n-tiny", "yolo26n-tiny"}) {
    SCOPED_TRACE(name);
    const auto original = onnx::read_model(folder / (std::string(name) + ".onnx"));
    auto model = original;
    simplify(model);
    auto recipe = recipe_with(160);
    const bool end_to_end = std::string(name).starts_with("yolo26");
    set_input_size(model, recipe, 224);
    const auto shape = outputs_of(model, 1, false).at(0).shape;
    EXPECT_EQ(shape, end_to_end ? (std::vector<std::int64_t>{1, 300, 6}) : (std::vector<std::int64_t>{1, 84, 1029}));
    set_input_size(model, recipe, 160);
    EXPECT_TRUE(outputs_of(model, 1, false) == outputs_of(original, 1, false));
  }
}

/// Channels are shuffled by shapes that state the size of the map.
TEST(InputSize, ShapesOfAShuffleFollowIt) {
  const fs::path file = fs::path(GOSHAWK_SHARED_DATA) / "models" / "nanodet.onnx";
  if (!fs::exists(file)) GTEST_SKIP() << "needs ../shared/models";
  const auto original = onnx::read_model(file);
  auto model = original;
  simplify(model);
  auto recipe = recipe_with(320);
  set_input_size(model, recipe, 416);
  EXPECT_EQ(outputs_of(model, 1, false).at(0).shape.at(0), 52 * 52);
  set_input_size(model, recipe, 320);
  EXPECT_TRUE(outputs_of(model, 1, false) == outputs_of(original, 1, false));
}

/// A pyramid as PyTorch writes it: the coarse map gets the size of the finer one, in numbers.
onnx::Model pyramid(std::int64_t rows) {
  onnx::GraphBuilder graph("pyramid");
  const std::vector<std::int64_t> weights{2, 3, 1, 1}, sizes{1, 2, rows, rows};
  const std::vector<float> some(6, 0.5F);
  const auto x = graph.input("images", {std::int64_t{1}, std::int64_t{3}, std::int64_t{64}, std::int64_t{64}});
  const auto map = [&](std::int64_t stride) {
    const auto name = std::to_string(stride);
    const auto pooled = graph.node("AveragePool", {x},
                                   {{"kernel_shape", std::vector<std::int64_t>{stride, stride}},
                                    {"strides", std::vector<std::int64_t>{stride, stride}}});
    return graph.node("Conv", {pooled, graph.constant("weights" + name, weights, some)});
  };
  const auto finer =
      graph.node("Resize", {map(16), "", "", graph.constant("sizes", sizes)}, {{"mode", std::string("nearest")}});
  if (rows == 8) graph.node("Add", {map(8), finer}, {}, "y");
  else graph.node("Identity", {finer}, {}, "y");
  graph.output("y", {std::int64_t{1}, std::int64_t{2}, rows, rows});
  return onnx::parse_model(graph.serialize("test", "1"), "pyramid");
}

TEST(InputSize, SizesThatAResizeStatesFollowIt) {
  const auto original = pyramid(8);
  auto model = original;
  auto recipe = recipe_with(64);
  set_input_size(model, recipe, 96);
  EXPECT_EQ(outputs_of(model, 1, false).at(0).shape, (std::vector<std::int64_t>{1, 2, 12, 12}));
  const onnx::Wiring wiring(model);
  for (const auto& [name, tensor] : model.constants) EXPECT_FALSE(wiring.consumers(name).empty()) << name;
  set_input_size(model, recipe, 64);
  EXPECT_TRUE(outputs_of(model, 1, false) == outputs_of(original, 1, false));
  auto odd = pyramid(7);
  const auto text = text_of_error([&] { set_input_size(odd, recipe, 96); }, ErrorCode::kBadConfig);
  EXPECT_NE(text.find("no part of the picture's"), std::string::npos) << text;
}

/// 84 places of 64 pixels, however many there are at 96.
TEST(InputSize, AnOutputThatKeepsItsNumberOfPlacesIsRefused) {
  onnx::GraphBuilder graph("fixed");
  const std::vector<std::int64_t> shape{1, 1, 84};
  const auto x = graph.input("images", {std::int64_t{1}, std::int64_t{3}, std::int64_t{64}, std::int64_t{64}});
  const auto mean = graph.node("GlobalMaxPool", {x});
  const auto flat = graph.node("Squeeze", {mean, graph.constant("axes", std::vector<std::int64_t>{3})});
  graph.node("Mul", {flat, graph.constant("prior", shape, std::vector<float>(84, 0.3F))}, {}, "y");
  graph.output("y", {std::int64_t{1}, std::int64_t{3}, std::int64_t{84}});
  auto model = onnx::parse_model(graph.serialize("test", "1"), "fixed");
  auto recipe = recipe_with(64);
  const auto text = text_of_error([&] { set_input_size(model, recipe, 96); }, ErrorCode::kBadConfig);
  EXPECT_NE(text.find("does not get the places"), std::string::npos) << text;
}

TEST(InputSize, ChannelsMayBeOpen) {
  auto model = onnx::parse_model(detect::brightness_model({1, -1, 64, 64}, {}), "brightness");
  auto recipe = recipe_with(64);
  set_input_size(model, recipe, 96);
  EXPECT_EQ(std::get<std::int64_t>(model.outputs[0].shape->at(2)), 144);
}

TEST(InputSize, ADynamicNetworkOnlyGetsAnotherSizeOfChoice) {
  auto model = onnx::parse_model(detect::brightness_model({-1, 3, -1, -1}, {}), "brightness");
  const auto before = onnx::serialize(model);
  auto recipe = recipe_with(64);
  recipe.dynamic_size = true;
  set_input_size(model, recipe, 128);
  EXPECT_EQ(recipe.input_width, 128);
  EXPECT_EQ(onnx::serialize(model), before);
}

TEST(InputSize, ThatTheGraphCannotHaveIsRefused) {
  auto model = onnx::parse_model(detect::brightness_model({1, 3, 64, 64}, {}), "brightness");
  model.nodes.back().outputs = {"answers"};
  model.constants["prior"] = onnx::Tensor::of("prior", {1, 1, 64}, std::vector<float>(64, 0.3F));  // learned, by place
  onnx::Node shift{"Add", "", "", {"answers", "prior"}, {"output0"}, {}, {}};
  model.nodes.push_back(shift);
  auto recipe = recipe_with(64);
  const auto text = text_of_error([&] { set_input_size(model, recipe, 96); }, ErrorCode::kBadConfig);
  EXPECT_NE(text.find("constants made for its own size"), std::string::npos) << text;
  for (const int side : {0, -32, 100, 1 << 20})
    text_of_error([&] { set_input_size(model, recipe, side); }, ErrorCode::kUsage);
}

}  // namespace
}  // namespace goshawk::optimize
