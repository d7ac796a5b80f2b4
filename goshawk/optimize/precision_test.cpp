#include "goshawk/optimize/precision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "goshawk/core/error.h"
#include "goshawk/core/testing.h"
#include "goshawk/optimize/prune.h"
#include "goshawk/optimize/quantizable.h"
#include "goshawk/optimize/shapes.h"
#include "goshawk/optimize/simplify.h"
#include "goshawk/optimize/testing.h"
#include "goshawk/optimize/widen.h"
#include "goshawk/runtime/testing.h"

namespace goshawk::optimize {
namespace {

using onnx::Model;
using onnx::Tensor;
using testing::floats_of;
using testing::outputs_of;
using testing::relative_error;
using testing::small_network;

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

TEST(Half, NamesOfNoNodeAndNoOperatorAreRefused) {
  const Model model = small_network();
  EXPECT_NO_THROW(check_kept(model, {"stem", "Concat"}));
  const auto told = text_of_error([&] { check_kept(model, {"Concta"}); }, ErrorCode::kUsage);
  EXPECT_NE(told.find("no node or operator 'Concta'"), std::string::npos) << told;
  EXPECT_NE(told.find("did you mean 'Concat'"), std::string::npos) << told;
}

}  // namespace
}  // namespace goshawk::optimize
