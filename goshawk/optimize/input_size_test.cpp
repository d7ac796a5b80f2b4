#include "goshawk/optimize/input_size.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "goshawk/core/error.h"
#include "goshawk/core/testing.h"
#include "goshawk/detect/testing_onnx.h"
#include "goshawk/onnx/model.h"
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
  model.constants["shape"] = onnx::Tensor::of("shape", {3}, std::vector<std::int64_t>{1, 5, 64});
  auto recipe = recipe_with(64);
  const auto text = text_of_error([&] { set_input_size(model, recipe, 96); }, ErrorCode::kBadConfig);
  EXPECT_NE(text.find("constants made for its own size"), std::string::npos) << text;
  for (const int side : {0, -32, 100, 1 << 20})
    text_of_error([&] { set_input_size(model, recipe, side); }, ErrorCode::kUsage);
}

}  // namespace
}  // namespace goshawk::optimize
