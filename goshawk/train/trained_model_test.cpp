#include "goshawk/train/trained_model.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "goshawk/core/testing.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/onnx/model.h"

namespace goshawk::train {
namespace {

// What is read of good files is held against LibTorch in tests/pruned_training_test.cpp.
TEST(TrainedModel, NodesWithoutInputsAndOutputsAreNoWeights) {
  onnx::Model model;
  model.opset = 17;
  const onnx::ValueInfo picture{"images", onnx::ElementType::kFloat, std::nullopt, ""};
  model.inputs = model.outputs = {picture};
  model.nodes.push_back({"Cast", "", "", {}, {}, {}, {}});
  Recipe recipe;
  recipe.family = Family::kYoloV8;
  recipe.class_names = {"car"};
  model.metadata[kNetworkKey] = description_of(load_network(builtin_networks().front(), 1)).dump();
  model.metadata[detect::kRecipeKey] = detect::recipe_text(recipe);
  const TemporaryFolder folder;
  const auto file = folder.write("model.onnx", onnx::serialize(model));
  std::string text;
  EXPECT_EQ(code_of([&] { read_trained_model(file); }, &text), ErrorCode::kBadData);
  EXPECT_NE(text.find("no weights"), std::string::npos) << text;
}

}  // namespace
}  // namespace goshawk::train
