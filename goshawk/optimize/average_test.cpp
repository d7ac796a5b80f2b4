#include "goshawk/optimize/average.h"

#include <gtest/gtest.h>

#include "goshawk/core/testing.h"
#include "goshawk/optimize/testing.h"

namespace goshawk::optimize {
namespace {

using onnx::Model;
using testing::small_network;

Model scaled(float factor) {
  Model model = small_network();
  for (auto& [name, tensor] : model.constants) {
    if (tensor.type != onnx::ElementType::kFloat) continue;
    auto values = tensor.floats();
    for (auto& v : values) v *= factor;
    tensor = onnx::Tensor::of(name, tensor.shape, values);
  }
  return model;
}

TEST(Average, IsTheMeanOfAllAsOftenAsEachIsThere) {
  const Model one = scaled(1), three = scaled(3);
  const auto mean = average({one, three, three, one, one}, {"a", "b", "b", "a", "a"});
  const auto expected = scaled(1.8F);
  for (const auto& [name, tensor] : expected.constants) {
    if (tensor.type != onnx::ElementType::kFloat) continue;
    const auto values = mean.constants.at(name).floats(), wanted = tensor.floats();
    for (std::size_t i = 0; i < values.size(); ++i) ASSERT_NEAR(values[i], wanted[i], 1e-5F) << name;
  }
  EXPECT_EQ(average({one}, {"a"}).constants, one.constants);
}

TEST(Average, OtherNetworksAreRefused) {
  const Model one = small_network();
  const auto refused = [&](const Model& other) {
    return text_of_error([&] { average({one, other}, {"a.onnx", "b.onnx"}); }, ErrorCode::kBadData);
  };
  Model other = one;
  other.nodes.pop_back();
  EXPECT_NE(refused(other).find("nodes"), std::string::npos);
  other = one;
  other.nodes[0].attributes["group"] = std::int64_t{2};
  EXPECT_NE(refused(other).find("'stem' differs"), std::string::npos) << refused(other);
  other = one;
  other.constants["stem.bias"].shape = {16, 2};
  EXPECT_NE(refused(other).find("stem.bias"), std::string::npos);
  other = one;
  other.constants["halves"] = onnx::Tensor::of("halves", {2}, std::vector<std::int64_t>{8, 24});
  EXPECT_NE(refused(other).find("'halves' differs"), std::string::npos);
  EXPECT_NE(refused(other).find("b.onnx"), std::string::npos);
  other = one;
  other.outputs[0].name = "z";
  EXPECT_NE(refused(other).find("another"), std::string::npos);
  EXPECT_EQ(code_of([] { average({}, {}); }), ErrorCode::kUsage);
}

}  // namespace
}  // namespace goshawk::optimize
