#include "goshawk/optimize/simplify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "goshawk/core/error.h"
#include "goshawk/core/testing.h"
#include "goshawk/optimize/shapes.h"
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

std::size_t count_of(const Model& model, const std::string& op) {
  return static_cast<std::size_t>(
      std::count_if(model.nodes.begin(), model.nodes.end(), [&](const auto& node) { return node.op == op; }));
}

TEST(Simplify, LeavesTheOutputsOfRealModelsBitByBit) {
  const fs::path folder = fs::path(GOSHAWK_SHARED_DATA) / "models";
  if (!fs::exists(folder)) GTEST_SKIP() << "needs ../shared/models";
  for (const auto& item : fs::recursive_directory_iterator(folder)) {
    if (item.path().extension() != ".onnx") continue;
    const Model original = onnx::read_model(item.path());
    Model tidy = original;
    // Batch norms are another matter: folding them rounds elsewhere.
    simplify(tidy, {.fold_batch_norms = false});
    const std::int64_t open = item.path().stem() == "silero_vad" ? 512 : 64;
    std::vector<runtime::RawTensor> expected, found;
    if (item.path().stem() == "silero_vad") continue;  // its inputs' sizes depend on each other
    expected = outputs_of(original, open, false, 40);
    found = outputs_of(tidy, open, false, 40);
    EXPECT_TRUE(found == expected) << item.path();
    EXPECT_LE(tidy.nodes.size(), original.nodes.size()) << item.path();
    EXPECT_EQ(count_of(tidy, "Constant"), 0U) << item.path();
  }
}

TEST(Simplify, FoldsWhatDependsOnNoInput) {
  Model model = small_network();
  // bias = reshape(a + b), through nodes
  model.constants["a"] = Tensor::of("a", {5, 1}, std::vector<float>{1, 2, 3, 4, 5});
  model.constants["b"] = Tensor::of("b", {1, 1}, std::vector<float>{0.5F});
  model.constants["flat"] = Tensor::of("flat", {1}, std::vector<std::int64_t>{-1});
  model.nodes.insert(model.nodes.begin(), {"Add", "sum", "", {"a", "b"}, {"sum"}, {}, {}});
  model.nodes.insert(model.nodes.begin() + 1, {"Reshape", "bias", "", {"sum", "flat"}, {"bias"}, {}, {}});
  model.nodes.back().inputs[2] = "bias";
  const auto expected = outputs_of(model, 1, false);
  const auto done = simplify(model);
  EXPECT_EQ(done.constants_folded, 2U);
  EXPECT_EQ(model.constant("bias")->floats(), (std::vector<float>{1.5F, 2.5F, 3.5F, 4.5F, 5.5F}));
  EXPECT_TRUE(outputs_of(model, 1, false) == expected);
}

TEST(Simplify, DoesNotFoldWhatWouldBeHuge) {
  Model model = small_network();
  model.constants["size"] = Tensor::of("size", {2}, std::vector<std::int64_t>{1 << 20, 1 << 20});
  model.nodes.push_back({"ConstantOfShape", "huge", "", {"size"}, {"huge"}, {}, {}});
  model.outputs.push_back({"huge_sum", onnx::ElementType::kFloat, {}, {}});
  model.nodes.push_back({"ReduceSum", "huge_sum", "", {"huge"}, {"huge_sum"}, {}, {}});
  EXPECT_EQ(simplify(model).constants_folded, 0U);
  EXPECT_EQ(count_of(model, "ConstantOfShape"), 1U);
}

TEST(Simplify, RemovesIdentitiesAtEveryPlaceAndKeepsNames) {
  Model model = small_network();
  for (auto& node : model.nodes) {
    if (node.name == "stem") node.inputs[0] = "same2";
    if (node.name == "y") node.outputs[0] = "almost";
  }
  model.nodes.insert(model.nodes.begin(), {"Identity", "i1", "", {"x"}, {"same1"}, {}, {}});
  model.nodes.insert(model.nodes.begin() + 1, {"Identity", "i2", "", {"same1"}, {"same2"}, {}, {}});
  model.nodes.push_back({"Identity", "i3", "", {"almost"}, {"y"}, {}, {}});
  // An output that is an input through and through must keep its node.
  model.nodes.push_back({"Identity", "i4", "", {"x"}, {"copy"}, {}, {}});
  model.outputs.push_back({"copy", onnx::ElementType::kFloat, {}, {}});
  const auto expected = outputs_of(model, 1, false);
  EXPECT_EQ(simplify(model).identities, 3U);
  EXPECT_EQ(count_of(model, "Identity"), 1U);
  EXPECT_TRUE(outputs_of(model, 1, false) == expected);
}

TEST(Simplify, FoldsBatchNormsIntoConvolutions) {
  Model model = small_network();
  model.constants["scale"] = Tensor::of("scale", {5}, std::vector<float>{0.5F, 2, -1, 0.1F, 3});
  model.constants["shift"] = Tensor::of("shift", {5}, std::vector<float>{1, 0, -1, 4, 0.5F});
  model.constants["mean"] = Tensor::of("mean", {5}, std::vector<float>{0.1F, 0.2F, 0.3F, -0.4F, 2});
  model.constants["variance"] = Tensor::of("variance", {5}, std::vector<float>{1, 0.01F, 4, 2, 0.5F});
  model.nodes.back().outputs[0] = "before";
  model.nodes.push_back({"BatchNormalization", "bn", "", {"before", "scale", "shift", "mean", "variance"}, {"y"}, {}, {}});
  const auto expected = floats_of(outputs_of(model, 1, false)[0]);
  EXPECT_EQ(simplify(model).batch_norms, 1U);
  EXPECT_EQ(count_of(model, "BatchNormalization"), 0U);
  EXPECT_LT(relative_error(expected, floats_of(outputs_of(model, 1, false)[0])), 1e-6);
}

TEST(Simplify, LeavesTheOutputsOfRandomGraphs) {
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    std::mt19937 random(seed);
    std::vector<std::uint8_t> bytes(10 + random() % 60);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    for (const bool exact : {true, false}) {
      Model model = testing::graph_of(bytes, exact);
      const auto expected = outputs_of(model, 1, false);
      simplify(model);
      const auto found = outputs_of(model, 1, false);
      if (exact) {
        ASSERT_TRUE(found == expected) << "seed " << seed;
        continue;
      }
      ASSERT_EQ(found.size(), expected.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        ASSERT_EQ(found[i].shape, expected[i].shape) << "seed " << seed;
        ASSERT_LT(relative_error(floats_of(expected[i]), floats_of(found[i])), 1e-5) << "seed " << seed;
      }
    }
  }
}

TEST(Simplify, UpgradesOldOperatorSetsWithTheSameAnswers) {
  const fs::path folder = fs::path(GOSHAWK_SHARED_DATA) / "models";
  if (!fs::exists(folder)) GTEST_SKIP() << "needs ../shared/models";
  for (const char* name : {"yolox_nano", "nanodet", "face_yunet", "osnet_x0_25"}) {
    Model model = onnx::read_model(folder / (std::string(name) + ".onnx"));
    simplify(model);
    const auto expected = outputs_of(model, 64, false, 40);
    ASSERT_TRUE(upgrade_to_13(model)) << name;
    EXPECT_EQ(model.opset, 13) << name;
    EXPECT_TRUE(outputs_of(model, 64, false, 40) == expected) << name;
  }
}

TEST(Simplify, UpgradesASoftmaxOverTheLastAxisHoweverThatIsWritten) {
  for (const std::int64_t axis : {-1, 2, 1}) {
    Model model;
    model.opset = 12;
    model.inputs.push_back({"x",
                            onnx::ElementType::kFloat,
                            std::vector<onnx::ValueDimension>{std::int64_t{2}, std::int64_t{3}, std::int64_t{4}},
                            {}});
    model.nodes.push_back({"Softmax", "", "", {"x"}, {"y"}, {{"axis", axis}}, {}});
    model.outputs.push_back({"y", onnx::ElementType::kFloat, {}, {}});
    const auto expected = outputs_of(model, 1, false);
    ASSERT_EQ(upgrade_to_13(model), axis != 1);
    EXPECT_TRUE(outputs_of(model, 1, false) == expected);
  }
}

TEST(Shapes, CountsMultiplications) {
  const Model model = small_network();
  const auto types = infer_types(model);
  EXPECT_EQ(types.at("stem").shape, (onnx::Shape{1, 32, 12, 13}));
  const double by_hand = 12 * 13 * (32 * 27 + 2 * 16 * 144) + 6 * 7 * (32 * 9 + 24 * 64 + 5 * 24);
  EXPECT_EQ(multiply_adds(model, types), by_hand);
}

}  // namespace
}  // namespace goshawk::optimize
