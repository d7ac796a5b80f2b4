#include "goshawk/runtime/layer_times.h"

#include <gtest/gtest.h>

#include "goshawk/runtime/testing.h"

namespace goshawk::runtime {
namespace {

using testing::convolution;

TEST(MeasureLayers, NamesTheLayersOfTheGraphSlowestFirst) {
  const testing::TemporaryFolder folder;
  const auto times = measure_layers(folder.write("conv.onnx", convolution().model()), {{2, 3, 9, 11}}, {}, 4);
  EXPECT_EQ(times.device.kind, DeviceKind::kCpu);
  EXPECT_FALSE(times.opaque);
  ASSERT_FALSE(times.layers.empty());
  double sum = 0;
  for (const auto& layer : times.layers) {
    sum += layer.ms;
    EXPECT_EQ(layer.provider, "CPUExecutionProvider");
  }
  EXPECT_DOUBLE_EQ(times.total_ms, sum);
  const auto is_conv = [](const LayerTime& layer) { return layer.operation.find("Conv") != std::string::npos; };
  const auto conv = std::find_if(times.layers.begin(), times.layers.end(), is_conv);  // Relu may be fused into it
  ASSERT_NE(conv, times.layers.end());
  EXPECT_FALSE(conv->output.empty());
}

TEST(MeasureLayers, LeavesNothingInTheCurrentFolder) {
  const testing::TemporaryFolder folder;
  const auto model = folder.write("conv.onnx", convolution().model());
  measure_layers(model, {{1, 3, 9, 11}}, {}, 1);
  std::size_t files = 0;
  for (const auto& item : std::filesystem::directory_iterator(folder.path())) files += item.is_regular_file() ? 1 : 0;
  EXPECT_EQ(files, 1U);
}

TEST(MeasureLayers, RefusesOpenShapesAndHugeOnes) {
  const testing::TemporaryFolder folder;
  const auto model = folder.write("conv.onnx", convolution().model());
  EXPECT_EQ(code_of([&] { measure_layers(model, {{-1, 3, 9, 11}}); }), ErrorCode::kBadConfig);
  EXPECT_EQ(code_of([&] { measure_layers(model, {{1LL << 40, 3, 9, 11}}); }), ErrorCode::kBadConfig);
  EXPECT_EQ(code_of([&] { measure_layers(folder.write("bad.onnx", "no model"), {{1}}); }), ErrorCode::kBadData);
}

constexpr const char* kProfile = R"([
{"cat":"Session","dur":9000,"name":"session_initialization","args":{}},
{"cat":"Node","dur":100,"name":"a_kernel_time","args":{"node_index":"0","op_name":"Conv","provider":"P",
  "output_type_shape":[{"float":[1,8,7,9]}]}},
{"cat":"Node","dur":5,"name":"b_kernel_time","args":{"node_index":"1","op_name":"Relu","provider":"P"}},
{"cat":"Node","dur":10,"name":"a_kernel_time","args":{"node_index":"0","op_name":"Conv","provider":"P",
  "output_type_shape":[{"float":[1,8,7,9]}]}},
{"cat":"Node","dur":40,"name":"b_kernel_time","args":{"node_index":"1","op_name":"Relu","provider":"P"}},
{"cat":"Node","dur":30,"name":"a_kernel_time","args":{"node_index":"0","op_name":"Conv","provider":"P",
  "output_type_shape":[{"float":[1,8,7,9]}]}},
{"cat":"Node","dur":20,"name":"b_kernel_time","args":{"node_index":"1","op_name":"Relu","provider":"P"}}])";

TEST(ParseProfile, TakesTheMedianOfTheRunsThatCount) {
  const auto layers = parse_profile(kProfile, 1);
  ASSERT_EQ(layers.size(), 2U);
  EXPECT_EQ(layers[0].name, "b");
  EXPECT_NEAR(layers[0].ms, 0.03, 1e-6);
  EXPECT_EQ(layers[1].operation, "Conv");
  EXPECT_EQ(layers[1].output, "1x8x7x9");
  EXPECT_NEAR(layers[1].ms, 0.02, 1e-6);
}

TEST(ParseProfile, NamesMayBeAnyBytes) {
  const auto layers = parse_profile("[{\"cat\":\"Node\",\"dur\":30,\"name\":\"a\xFF_kernel_time\",\"args\":{}}]", 0);
  ASSERT_EQ(layers.size(), 1U);
  EXPECT_EQ(layers[0].name, "a\xEF\xBF\xBD");
}

TEST(ParseProfile, RefusesWhatIsNoProfile) {
  EXPECT_EQ(code_of([] { parse_profile("[{\"cat\":", 0); }), ErrorCode::kBadConfig);
  EXPECT_EQ(code_of([] { parse_profile(R"([{"cat":"Node","name":"x_kernel_time","args":{}}])", 0); }), ErrorCode::kBadData);
  EXPECT_EQ(code_of([] { parse_profile(R"([{"cat":7,"name":"x_kernel_time","args":{}}])", 0); }), ErrorCode::kBadData);
}

}  // namespace
}  // namespace goshawk::runtime
