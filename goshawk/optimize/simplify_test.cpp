#include "goshawk/optimize/simplify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

#include "goshawk/core/error.h"
#include "goshawk/core/testing.h"
#include "goshawk/optimize/precision.h"
#include "goshawk/optimize/prune.h"
#include "goshawk/optimize/quantizable.h"
#include "goshawk/optimize/shapes.h"
#include "goshawk/optimize/testing.h"
#include "goshawk/optimize/widen.h"
#include "goshawk/runtime/testing.h"

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

TEST(Precision, ASmallNumberAgainstDivisionByZeroStaysOne) {
  Model model;
  model.opset = 13;
  model.inputs.push_back(
      {"x", onnx::ElementType::kFloat, std::vector<onnx::ValueDimension>{std::int64_t{1}, std::int64_t{4}}, {}});
  model.constants["tiny"] = onnx::Tensor::of("tiny", {}, std::vector{-1e-12F});
  model.nodes.push_back({"Add", "", "", {"x", "tiny"}, {"y"}, {}, {}});
  model.outputs.push_back({"y", onnx::ElementType::kFloat, {}, {}});
  const auto half = to_fp16(model);
  for (const auto& [name, tensor] : half.model.constants) {
    if (tensor.type == onnx::ElementType::kFloat16) {
      EXPECT_EQ(tensor.bytes, std::string("\x01\x80", 2));
    }
  }
  EXPECT_EQ(half.halved, 1U);
}

TEST(Precision, HalvesAreRoundedToNearestEven) {
  EXPECT_EQ(to_half(1.0F), 0x3C00);
  EXPECT_EQ(to_half(-2.0F), 0xC000);
  EXPECT_EQ(to_half(0.1F), 0x2E66);
  EXPECT_EQ(to_half(65504.0F), 0x7BFF);
  EXPECT_EQ(to_half(1e9F), 0x7BFF);      // no infinity from a number
  EXPECT_EQ(to_half(5.96e-8F), 0x0001);  // the least subnormal
  EXPECT_EQ(to_half(2049.0F), 0x6800);   // 2048: a tie goes to even
  EXPECT_EQ(to_bfloat(1.0F), 0x3F80);
  EXPECT_EQ(to_bfloat(1.00390625F), 0x3F80);  // a tie
  EXPECT_EQ(to_bfloat(3.0F), 0x4040);
}

TEST(Precision, Fp16StaysNearAndHalvesTheWeights) {
  const Model model = small_network();
  const auto expected = floats_of(outputs_of(model, 1, false)[0]);
  const auto half = to_fp16(model);
  EXPECT_GT(half.halved, 10U);
  EXPECT_LT(relative_error(expected, floats_of(outputs_of(half.model, 1, true)[0])), 3e-3);
  EXPECT_LT(onnx::serialize(half.model).size(), onnx::serialize(model).size() * 7 / 10);
  const auto kept = to_fp16(model, {.keep_float = {"Conv"}});
  EXPECT_EQ(kept.in_float.size(), 6U);
  EXPECT_LT(relative_error(expected, floats_of(outputs_of(kept.model, 1, true)[0])), 3e-3);
}

TEST(Precision, EveryHalfIsAFloatAndBack) {
  EXPECT_EQ(from_half(0x3C00), 1.0F);
  EXPECT_EQ(from_half(0xC500), -5.0F);
  EXPECT_EQ(from_half(0x7BFF), 65504.0F);
  EXPECT_EQ(from_half(0x0001), std::exp2(-24.0F));
  EXPECT_EQ(from_half(0xFC00), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(from_half(0x7E01)));
  for (std::uint32_t half = 0; half <= 0xFFFF; ++half) {
    const float value = from_half(static_cast<std::uint16_t>(half));
    if (std::isnan(value)) continue;
    ASSERT_EQ(to_half(value), half);
  }
}

bool has_halves(const Model& model) {
  return std::ranges::any_of(infer_types(model), [](const auto& t) { return t.second.type == onnx::ElementType::kFloat16; });
}

/// Of a model whose ends are floats or halves, on the same numbers.
std::vector<float> answers_of(const Model& model) {
  runtime::PlainModel runs(onnx::serialize(model), "test", {.threads = 1, .optimize = false});
  std::vector<runtime::RawTensor> inputs;
  for (const auto& info : model.inputs) {
    onnx::Shape shape;
    for (const auto& d : *info.shape) shape.push_back(std::get<std::int64_t>(d));
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    std::vector<std::uint16_t> halves(onnx::count_of(shape).value());
    std::ranges::generate(halves, [&] { return to_half(normal(random)); });
    std::vector<float> values;
    for (const auto half : halves) values.push_back(from_half(half));
    inputs.push_back(runtime::RawTensor::of(info.name, shape, values));
    if (info.type != onnx::ElementType::kFloat16) continue;
    inputs.back().type = static_cast<int>(info.type);
    inputs.back().bytes.assign(reinterpret_cast<const char*>(halves.data()), halves.size() * 2);
  }
  const auto output = runs.run(inputs).at(0);
  if (output.type != static_cast<int>(onnx::ElementType::kFloat16)) return floats_of(output);
  std::vector<float> values(output.bytes.size() / 2);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t half = 0;
    std::memcpy(&half, output.bytes.data() + 2 * i, 2);
    values[i] = from_half(half);
  }
  return values;
}

TEST(Precision, AnFp16ModelInFp32HasNothingOfItAndItsAnswers) {
  const Model original = small_network();
  for (const bool half_ends : {false, true}) {
    Model half = to_fp16(original).model;
    if (half_ends) narrow_ends(half, {"x", "y"});
    const std::set<std::string> ends = half_ends ? std::set<std::string>{"x", "y"} : std::set<std::string>();
    EXPECT_EQ(storage_of(half), (Storage{onnx::ElementType::kFloat16, ends}));
    Model wide = half;
    to_fp32(wide);
    EXPECT_FALSE(has_halves(wide));
    simplify(wide);
    EXPECT_EQ(wide.nodes.size(), original.nodes.size());
    EXPECT_LT(relative_error(answers_of(half), answers_of(wide)), 2e-3);
    EXPECT_EQ(quantizable_layers(wide), quantizable_layers(original));
    EXPECT_FALSE(prune(wide, nullptr, {.target = 0.6, .multiple = 8}).layers.empty());
    // Stored as it was, it takes and gives what the original does, and nothing is rounded but the ends.
    const Model stored = stored_as(wide, storage_of(half));
    EXPECT_EQ(storage_of(stored), storage_of(half));
    EXPECT_LT(relative_error(answers_of(wide), answers_of(stored)), half_ends ? 1e-3 : 1e-9);
    const Model again = stored_as(to_fp16(wide).model, storage_of(half));
    EXPECT_EQ(answers_of(again), answers_of(half)) << "bit by bit";
  }
  Model whole = original;
  to_fp32(whole);
  EXPECT_EQ(onnx::serialize(whole), onnx::serialize(original));
}

/// x is FP16; h, the constant c and k are known to a subgraph; another domain's operator takes h.
TEST(Precision, SubgraphsAndOtherDomainsKeepTheirFp16) {
  using onnx::ElementType;
  using runtime::testing::Message;
  const auto branch = [](const std::string& name, const std::string& op, const std::string& other) {
    const auto node = Message().text(1, "h").text(1, other).text(2, name + "_out").text(4, op);
    const auto graph = Message().message(1, node).text(2, name).message(
        12, runtime::testing::value_info(name + "_out", runtime::testing::kFloat16, {2, 3}));
    return onnx::Opaque{Message().text(1, name).message(6, graph).number(20, 5).bytes()};
  };
  const std::vector<onnx::ValueDimension> shape{std::int64_t{2}, std::int64_t{3}};
  Model model;
  model.opset = 17;
  model.other_opsets["com.microsoft"] = 1;
  model.inputs = {{"x", ElementType::kFloat16, shape, {}}};
  model.outputs = {{"y", ElementType::kFloat16, shape, {}}};
  const std::uint16_t half = to_half(0.75F);
  model.constants["c"] = {"c", ElementType::kFloat16, {1}, std::string(reinterpret_cast<const char*>(&half), 2)};
  model.constants["yes"] = {"yes", ElementType::kBool, {}, std::string(1, '\1')};
  model.nodes = {{"Sigmoid", "", "", {"x"}, {"h"}, {}, {}},
                 {"If",
                  "",
                  "",
                  {"yes"},
                  {"i"},
                  {{"then_branch", branch("then_branch", "Mul", "c")}, {"else_branch", branch("else_branch", "Add", "x")}},
                  {"h", "c", "x"}},
                 {"QuickGelu", "", "com.microsoft", {"h"}, {"g"}, {}, {}},
                 {"Add", "", "", {"i", "g"}, {"s"}, {}, {}},
                 {"Mul", "", "", {"s", "c"}, {"t"}, {}, {}},
                 {"Sub", "", "", {"t", "h"}, {"y"}, {}, {}}};
  Model wide = model;
  to_fp32(wide);
  const auto types = infer_types(wide);
  for (const char* value : {"i", "g", "s", "t", "y"}) EXPECT_EQ(types.at(value).type, ElementType::kFloat) << value;
  EXPECT_EQ(wide.inputs[0].type, ElementType::kFloat16) << "a subgraph takes it";
  EXPECT_EQ(wide.outputs[0].type, ElementType::kFloat);
  EXPECT_LT(relative_error(answers_of(model), answers_of(wide)), 2e-3);
  const Model stored = stored_as(wide, storage_of(model));
  EXPECT_EQ(stored.outputs[0].type, ElementType::kFloat16);
  EXPECT_LT(relative_error(answers_of(model), answers_of(stored)), 2e-3);
}

TEST(Precision, OnlyBf16NeedsALaterOperatorSet) {
  onnx::GraphBuilder graph("product");
  const std::vector<std::int64_t> shape{3, 4};
  const auto x = graph.input("x", {std::int64_t{2}, std::int64_t{3}});
  graph.node("MatMul", {x, graph.constant("w", shape, std::vector<float>(12, 0.3F))}, {}, "y");
  graph.output("y", {std::int64_t{2}, std::int64_t{4}});
  Model old = onnx::parse_model(graph.serialize("test", "1"), "product");
  old.opset = 10;
  EXPECT_LT(relative_error(answers_of(old), answers_of(store_fp16(old).model)), 1e-3);
  EXPECT_THAT(text_of_error([&] { to_bf16(old); }, ErrorCode::kBadConfig), ::testing::HasSubstr("13"));
}

TEST(Precision, ALayerNormWhoseMeanIsTakenStaysInFp32) {
  onnx::GraphBuilder graph("norm");
  const std::vector<std::int64_t> shape{6};
  const std::vector<float> ones(6, 1.0F);
  const auto x = graph.node("Relu", {graph.input("x", {std::int64_t{4}, std::int64_t{6}})});
  const auto outs = graph.node_of_many("LayerNormalization",
                                       {x, graph.constant("scale", shape, ones), graph.constant("shift", shape, ones)}, 3);
  graph.node("Add", {outs[0], graph.node("Mul", {outs[1], outs[2]})}, {}, "y");
  graph.output("y", {std::int64_t{4}, std::int64_t{6}});
  const Model model = onnx::parse_model(graph.serialize("test", "1"), "norm");
  const auto half = to_fp16(model);
  ASSERT_EQ(half.in_float.size(), 1U);
  EXPECT_THAT(half.in_float[0], ::testing::HasSubstr("mean"));
  EXPECT_LT(relative_error(answers_of(model), answers_of(half.model)), 3e-3);
}

TEST(Precision, WeightsThatOverflowKeepTheirNodeInFp32) {
  Model model = small_network();
  auto& weights = model.constants["wide.weight"];
  auto values = weights.floats();
  values[0] = 1e6F;
  weights = Tensor::of("wide.weight", weights.shape, values);
  const auto half = to_fp16(model);
  ASSERT_EQ(half.in_float.size(), 1U);
  EXPECT_THAT(half.in_float[0], ::testing::HasSubstr("overflows"));
}

TEST(Precision, WeightsStoredInFp16AreHalfTheSizeAndComputeInFp32) {
  Model model = small_network();
  const auto expected = floats_of(outputs_of(model, 1, false)[0]);
  const auto half = store_fp16(model);
  EXPECT_EQ(half.halved, 6U);
  EXPECT_TRUE(half.in_float.empty());
  EXPECT_LT(relative_error(expected, floats_of(outputs_of(half.model, 1, true)[0])), 1e-3);
  const auto bytes_of = [](const Model& some) {
    std::size_t sum = 0;
    for (const auto& [name, tensor] : some.constants) sum += tensor.shape.size() == 4 ? tensor.bytes.size() : 0;
    return sum;
  };
  EXPECT_EQ(bytes_of(half.model), bytes_of(model) / 2);
  for (const auto& node : half.model.nodes)
    EXPECT_TRUE(!node.is("Cast") || half.model.constant(node.inputs[0])) << node.name;
  // What does not fit stays as it is.
  auto& weights = model.constants["wide.weight"];
  auto values = weights.floats();
  values[0] = 1e6F;
  weights = Tensor::of("wide.weight", weights.shape, values);
  EXPECT_EQ(store_fp16(model).halved, 5U);
}

TEST(Precision, Bf16IsStoredSmallAndRunsEverywhere) {
  const Model model = small_network();
  const auto expected = floats_of(outputs_of(model, 1, false)[0]);
  const auto half = to_bf16(model);
  EXPECT_EQ(half.halved, 6U);
  EXPECT_LT(relative_error(expected, floats_of(outputs_of(half.model, 1, true)[0])), 2e-2);
}

TEST(Precision, WhatAChangeHasWidenedGoesBackAsItWasStored) {
  const std::pair<onnx::ElementType, Halved> forms[] = {{onnx::ElementType::kFloat16, store_fp16(small_network())},
                                                        {onnx::ElementType::kBfloat16, to_bf16(small_network())}};
  for (const auto& [type, small] : forms) {
    EXPECT_EQ(storage_of(small.model).weights, type);
    Model widened = small.model;
    to_fp32(widened);
    simplify(widened);
    EXPECT_EQ(storage_of(widened), Storage{});
    EXPECT_NE(widened.constant("stem.weight"), nullptr) << "training knows weights by their names";
    const auto again = stored_as(widened, {type});
    EXPECT_EQ(storage_of(again).weights, type);
    EXPECT_EQ(floats_of(outputs_of(again, 1, false)[0]), floats_of(outputs_of(small.model, 1, false)[0])) << "bit by bit";
    const auto fewer = prune(widened, nullptr, {.target = 0.6, .multiple = 8}).model;
    EXPECT_EQ(floats_of(outputs_of(stored_as(fewer, {type}), 1, false)[0]), floats_of(outputs_of(fewer, 1, false)[0]));
  }
  const Model whole = small_network();
  EXPECT_EQ(storage_of(whole), Storage{});
  EXPECT_EQ(onnx::serialize(stored_as(whole, {})), onnx::serialize(whole));
}

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
  for (const auto& layer : done.layers) EXPECT_EQ(layer.after % 8, 0U) << layer.label;
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
        for (const auto& layer : done.layers) EXPECT_GT(layer.after, 0U);
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
  for (const auto& layer : done.layers) after[layer.label] = layer.after;
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

TEST(Half, NamesOfNoNodeAndNoOperatorAreRefused) {
  const Model model = small_network();
  EXPECT_NO_THROW(check_kept(model, {"stem", "Concat"}));
  const auto told = text_of_error([&] { check_kept(model, {"Concta"}); }, ErrorCode::kUsage);
  EXPECT_NE(told.find("no node or operator 'Concta'"), std::string::npos) << told;
  EXPECT_NE(told.find("did you mean 'Concat'"), std::string::npos) << told;
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
