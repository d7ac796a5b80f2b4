#include "goshawk/optimize/quantize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "goshawk/core/error.h"
#include "goshawk/optimize/quantizable.h"
#include "goshawk/optimize/testing.h"

namespace goshawk::optimize {
namespace {

using onnx::Model;
using onnx::Tensor;
using testing::floats_of;
using testing::normal_values;
using testing::outputs_of;
using testing::relative_error;
using testing::small_network;

/// What passes through the network on the tests' noise.
Calibration calibrated(const Model& model) {
  Model watched = model;
  watched.outputs.clear();
  const auto values = values_to_calibrate(model);
  for (const auto& name : values) {
    if (name != "x") watched.outputs.push_back({name, onnx::ElementType::kUndefined, {}, {}});
  }
  Calibration calibration;
  calibration.images = 1;
  runtime::PlainModel runs(onnx::serialize(watched), "watched");
  const auto inputs = testing::noise_for(runs, 1);
  const auto take = [&](const runtime::RawTensor& tensor) {
    add_values(calibration.values[tensor.name], floats_of(tensor), tensor.shape, 0);
  };
  take(inputs[0]);
  for (const auto& output : runs.run(inputs)) take(output);
  return calibration;
}

TEST(Quantize, AnswersStayNearInEveryPlacementAndMethod) {
  const Model model = small_network();
  const auto calibration = calibrated(model);
  const auto expected = floats_of(outputs_of(model, 1, false)[0]);
  for (const auto placement : {Placement::kFused, Placement::kEveryNode}) {
    for (const auto method : kRangeMethods) {
      for (const auto activations : {Activations::kAsymmetric, Activations::kSymmetric, Activations::kSigned}) {
        const auto done =
            quantize(model, calibration, {.placement = placement, .method = method, .activations = activations});
        EXPECT_EQ(done.layers.size(), 6U);
        EXPECT_TRUE(done.in_float.empty());
        // As it stands, and as the CPU provider fuses it.
        for (const bool optimize : {false, true}) {
          const double error = relative_error(expected, floats_of(outputs_of(done.model, 1, optimize)[0]));
          EXPECT_LT(error, method == RangeMethod::kEntropy ? 0.35 : 0.12)
              << to_string(placement) << " " << to_string(method) << " " << to_string(activations);
          EXPECT_GT(error, 1e-5);
        }
      }
    }
  }
}

TEST(Quantize, ZeroPointsAreThereOnlyWhereTheKindOfActivationsHasThem) {
  const Model model = small_network();
  auto calibration = calibrated(model);
  Histogram picture;
  picture.add(std::vector<float>{0, 0.5F, 1});
  calibration.values.at("x").histogram = picture;
  for (const auto placement : {Placement::kFused, Placement::kEveryNode}) {
    std::map<Activations, int> offsets, unsigned_values;
    for (const auto activations : {Activations::kAsymmetric, Activations::kSymmetric, Activations::kSigned}) {
      const auto done = quantize(model, calibration, {.placement = placement, .activations = activations});
      for (const auto& node : done.model.nodes) {
        if (node.op != "QuantizeLinear") continue;
        const Tensor& zero = *done.model.constant(node.inputs[2]);
        offsets[activations] += std::any_of(zero.bytes.begin(), zero.bytes.end(), [](const auto b) { return b != 0; });
        unsigned_values[activations] += zero.type == onnx::ElementType::kUint8;
      }
    }
    EXPECT_GT(offsets[Activations::kAsymmetric], 0);
    EXPECT_EQ(offsets[Activations::kSigned], 0);
    EXPECT_GT(unsigned_values[Activations::kSymmetric], 0) << "pictures have nothing below zero";
    EXPECT_EQ(unsigned_values[Activations::kSigned], 0);
  }
}

/// Whether the value goes into a Concat, or comes out of one, also by nodes that only pick from it.
bool is_joined(const Model& model, const std::string& value) {
  return std::any_of(model.nodes.begin(), model.nodes.end(), [&](const onnx::Node& node) {
    const bool reads = std::ranges::find(node.inputs, value) != node.inputs.end();
    if (node.is("Concat")) return reads || node.outputs[0] == value;
    if (!reads || !(node.is("Split") || node.is("MaxPool") || node.is("Resize"))) return false;
    return std::any_of(node.outputs.begin(), node.outputs.end(), [&](const auto& o) { return is_joined(model, o); });
  });
}

TEST(Quantize, SymmetricValuesHaveAZeroPointOnlyWhereTheyAreJoined) {
  const Model model = small_network();
  const auto done =
      quantize(model, calibrated(model), {.placement = Placement::kFused, .activations = Activations::kSymmetric});
  int joined = 0, others = 0;
  for (const auto& node : done.model.nodes) {
    if (node.op != "QuantizeLinear") continue;
    const Tensor& zero = *done.model.constant(node.inputs[2]);
    SCOPED_TRACE(node.inputs[0]);
    if (is_joined(model, node.inputs[0])) {
      ++joined;
      EXPECT_EQ(zero.type, onnx::ElementType::kUint8);
      EXPECT_EQ(zero.bytes, "\x80");
    } else if (zero.type == onnx::ElementType::kInt8) {
      ++others;
      EXPECT_EQ(zero.bytes, std::string(1, '\0'));
    }
  }
  EXPECT_GT(joined, 0);
  EXPECT_GT(others, 0);
}

TEST(Quantize, WeightsAreInt8ByChannelAndExactWhereTheyCanBe) {
  Model model = small_network();
  auto& weights = model.constants["y.weight"];
  std::vector<float> values(weights.count());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(static_cast<int>(i * 7 % 255) - 127) * (i < 24 ? 0.01F : 2.0F);
  values[0] = -1.27F;
  weights = Tensor::of("y.weight", weights.shape, values);
  const auto done = quantize(model, calibrated(model), {.correct_bias = false});
  const auto* scales = done.model.constant("y.weight_scale");
  const auto* integers = done.model.constant("y.weight_q");
  ASSERT_NE(scales, nullptr);
  ASSERT_NE(integers, nullptr);
  EXPECT_EQ(integers->type, onnx::ElementType::kInt8);
  EXPECT_EQ(scales->shape, onnx::Shape{5});
  EXPECT_NEAR(scales->floats()[0], 0.01F, 1e-6F);
  for (std::size_t i = 0; i < 24; ++i) EXPECT_EQ(static_cast<int>(integers->bytes[i]), std::lround(values[i] / 0.01F)) << i;
}

TEST(Quantize, ValuesThatAreJoinedShareOneScale) {
  const auto model = small_network();
  const auto done = quantize(model, calibrated(model), {.placement = Placement::kEveryNode});
  std::map<std::string, std::string> scale_of;
  for (const auto& node : done.model.nodes) {
    if (node.op == "QuantizeLinear") scale_of[node.inputs[0]] = node.inputs[1];
  }
  for (const auto& node : model.nodes) {
    if (node.op != "Concat" && node.op != "MaxPool") continue;
    ASSERT_TRUE(scale_of.contains(node.outputs[0])) << node.outputs[0];
    for (const auto& input : node.inputs) EXPECT_EQ(scale_of[input], scale_of[node.outputs[0]]) << input;
  }
}

TEST(Quantize, BiasesOfAnyShapeThatGemmTakesStayRight) {
  const std::vector<onnx::Shape> shapes{{}, {1}, {7}, {1, 7}, {7, 1}, {7, 7}};  // of [7, 7]: rows and channels are as many
  for (const auto& shape : shapes) {
    onnx::GraphBuilder graph("gemm");
    const auto x = graph.input("x", {std::int64_t{7}, std::int64_t{16}});
    const std::vector<std::int64_t> square{16, 7};
    const auto weights = graph.constant("w", square, normal_values(16 * 7, 0.2F));
    const auto bias = graph.constant("b", shape, normal_values(*onnx::count_of(shape), 3));
    graph.node("Gemm", {x, weights, bias}, {}, "y");
    graph.output("y", {std::int64_t{7}, std::int64_t{7}});
    const auto model = onnx::parse_model(graph.serialize("test", "1"), "gemm");
    const auto expected = floats_of(outputs_of(model, 1, false)[0]);
    const auto done = quantize(model, calibrated(model), {});
    for (const bool optimize : {false, true}) {
      EXPECT_LT(relative_error(expected, floats_of(outputs_of(done.model, 1, optimize)[0])), 0.05)
          << ::testing::PrintToString(shape) << optimize;
    }
  }
}

/// x -> 1 x 1 convolution whose last channel is 1000 times as large as the others -> depthwise -> 1 x 1 that evens it out;
/// with SiLU.
Model network_with_an_outlier() {
  onnx::GraphBuilder graph("outlier");
  constexpr std::int64_t kChannels = 4;
  std::vector<float> spread(kChannels * 3), each(kChannels * 9, 0.1F), even(3 * kChannels);
  for (std::size_t i = 0; i < spread.size(); ++i) spread[i] = (i / 3 == kChannels - 1 ? 500.0F : 0.5F) / (1 + i % 3);
  for (std::size_t i = 0; i < even.size(); ++i) even[i] = i % kChannels == kChannels - 1 ? 1e-3F : 1.0F;
  const auto x = graph.input("x", {std::int64_t{1}, std::int64_t{3}, std::int64_t{9}, std::int64_t{7}});
  const std::vector<std::int64_t> ones{1, 1}, threes{3, 3};
  const auto silu = [&](const std::string& value) { return graph.node("Mul", {value, graph.node("Sigmoid", {value})}); };
  const auto wide = graph.node("Conv", {x, graph.constant("spread", std::vector<std::int64_t>{kChannels, 3, 1, 1}, spread)},
                               {{"kernel_shape", ones}}, "wide");
  const auto deep =
      graph.node("Conv", {silu(wide), graph.constant("each", std::vector<std::int64_t>{kChannels, 1, 3, 3}, each)},
                 {{"kernel_shape", threes}, {"group", kChannels}}, "deep");
  graph.node("Conv", {silu(deep), graph.constant("even", std::vector<std::int64_t>{3, kChannels, 1, 1}, even)},
             {{"kernel_shape", ones}}, "y");
  graph.output("y", {std::int64_t{1}, std::int64_t{3}, std::int64_t{7}, std::int64_t{5}});
  return onnx::parse_model(graph.serialize("test", "1"), "outlier network");
}

TEST(Quantize, OutlierChannelsOfDepthwiseConvolutionsLeaveTheOthersTheirSteps) {
  const Model model = network_with_an_outlier();
  const auto calibration = calibrated(model);
  const auto expected = floats_of(outputs_of(model, 1, false)[0]);
  const auto error = [&](bool by_channel) {
    const QuantizeOptions options{.depthwise_by_channel = by_channel, .float_layers = {"y"}};
    return relative_error(expected, floats_of(outputs_of(quantize(model, calibration, options).model, 1, true)[0]));
  };
  EXPECT_LT(error(true), 0.02);
  EXPECT_GT(error(false), 2 * error(true));
}

TEST(Quantize, LayersCanHaveACalibrationMethodOfTheirOwn) {
  const Model model = small_network();
  const auto calibration = calibrated(model);
  const auto scale_of = [&](const QuantizeOptions& options, const std::string& layer) {
    const auto done = quantize(model, calibration, options);
    for (const auto& node : done.model.nodes) {
      if (node.label() != layer) continue;
      for (const auto& maker : done.model.nodes) {
        if (maker.outputs[0] == node.inputs[0]) return done.model.constant(maker.inputs[1])->floats()[0];
      }
    }
    return 0.0F;
  };
  const QuantizeOptions plain, own{.methods_of_layers = {{"second", RangeMethod::kPercentile}}};
  EXPECT_LT(scale_of(own, "second"), scale_of(plain, "second"));
  EXPECT_EQ(scale_of(own, "y"), scale_of(plain, "y"));
}

/// Four 1x1 convolutions, one after the other, and behind them `tail` and one nodes that stay float.
Model chain_with_tail(int tail) {
  constexpr int kConvolutions = 4;
  onnx::GraphBuilder graph("chain");
  auto x = graph.input("x", {std::int64_t{1}, std::int64_t{3}, std::int64_t{4}, std::int64_t{4}});
  const std::vector<std::int64_t> shape{3, 3, 1, 1};
  for (int i = 0; i < kConvolutions; ++i) {
    const auto weights = graph.constant("w" + std::to_string(i), shape, normal_values(9, 0.6F));
    x = graph.node("Conv", {x, weights}, {}, "c" + std::to_string(i));
  }
  for (int i = 0; i < tail; ++i) x = graph.node("Neg", {x}, {}, "n" + std::to_string(i));
  graph.node("Neg", {x}, {}, "y");
  graph.output("y", {std::int64_t{1}, std::int64_t{3}, std::int64_t{4}, std::int64_t{4}});
  return onnx::parse_model(graph.serialize("test", "1"), "chain");
}

TEST(Quantize, EveryLayerGetsItsWeightsHoweverManyNodesThereAre) {
  for (int tail = 0; tail <= 12; ++tail) {  // the list of nodes grows while any of the layers is written
    const Model model = chain_with_tail(tail);
    const auto done = quantize(model, calibrated(model), {});
    int quantized = 0;
    for (const auto& node : done.model.nodes) quantized += node.is("Conv") && node.inputs[1].ends_with("_dq");
    EXPECT_EQ(quantized, 4) << tail;
  }
}

TEST(Quantize, FloatLayersStayAsTheyAre) {
  const Model model = small_network();
  const auto done = quantize(model, calibrated(model), {.float_layers = {"stem", "y"}});
  EXPECT_EQ(done.in_float, (std::vector<std::string>{"stem", "y"}));
  EXPECT_NE(done.model.constant("stem.weight"), nullptr);
  EXPECT_EQ(done.model.constant("stem.weight_q"), nullptr);
  EXPECT_THROW(quantize(model, Calibration(), {}), Error);
}

TEST(Quantize, LayersInFloatGetTheirInputInFloat) {
  const Model model = small_network();
  const auto takes_eight_bits = [&](const std::set<std::string>& in_float) {
    const QuantizeOptions options{.placement = Placement::kEveryNode, .float_layers = in_float};
    const auto done = quantize(model, calibrated(model), options);
    std::string input;
    for (const auto& node : done.model.nodes) {
      if (node.label() == "y") input = node.inputs[0];
    }
    return std::any_of(done.model.nodes.begin(), done.model.nodes.end(),
                       [&](const auto& node) { return node.op == "DequantizeLinear" && node.outputs[0] == input; });
  };
  EXPECT_TRUE(takes_eight_bits({}));
  EXPECT_FALSE(takes_eight_bits({"y"}));
}

/// What vpmaddubsw and an addition in 32 bits make of one filter whose inputs are all the largest, and the true sum.
std::pair<int, int> sums_of(std::span<const std::int8_t> filter) {
  std::pair<int, int> sums{0, 0};
  for (std::size_t i = 0; i < filter.size(); i += 2) {
    const int pair = 255 * filter[i] + (i + 1 < filter.size() ? 255 * filter[i + 1] : 0);
    sums.first += std::clamp<int>(pair, INT16_MIN, INT16_MAX);
    sums.second += pair;
  }
  return sums;
}

TEST(Quantize, NarrowWeightsNeverSaturateSixteenBits) {
  const Model model = small_network();
  const auto saturated_filters = [&](bool narrow) {
    const auto done = quantize(model, calibrated(model), {.narrow_weights = narrow});
    int saturated = 0, largest = 0;
    for (const auto& [name, tensor] : done.model.constants) {
      if (tensor.type != onnx::ElementType::kInt8 || tensor.shape.size() != 4) continue;
      const std::span integers(reinterpret_cast<const std::int8_t*>(tensor.bytes.data()), tensor.bytes.size());
      for (const int weight : integers) largest = std::max(largest, std::abs(weight));
      const auto size = integers.size() / static_cast<std::size_t>(tensor.shape[0]);
      for (std::size_t at = 0; at < integers.size(); at += size) {
        const auto [found, exact] = sums_of(integers.subspan(at, size));
        saturated += found != exact;
      }
    }
    EXPECT_EQ(largest, narrow ? 64 : 127);
    return saturated;
  };
  EXPECT_EQ(saturated_filters(true), 0);
  EXPECT_GT(saturated_filters(false), 0);
}

TEST(Quantize, CorrectedBiasesKeepTheMeansOfChannels) {
  const Model model = small_network();
  const auto calibration = calibrated(model);
  const auto expected = floats_of(outputs_of(model, 1, false)[0]);
  const auto shift = [&](bool correct) {
    const auto found = floats_of(
        outputs_of(quantize(model, calibration, {.correct_bias = correct, .narrow_weights = true}).model, 1, false)[0]);
    double sum = 0;
    for (std::size_t c = 0; c < 5; ++c) {
      double difference = 0;
      for (std::size_t i = 0; i < 42; ++i) difference += static_cast<double>(found[c * 42 + i] - expected[c * 42 + i]);
      sum += std::abs(difference) / 42;
    }
    return sum;
  };
  EXPECT_LT(shift(true), shift(false));
}

}  // namespace
}  // namespace goshawk::optimize
