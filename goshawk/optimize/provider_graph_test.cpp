#include "goshawk/optimize/provider_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "goshawk/optimize/simplify.h"
#include "goshawk/optimize/testing.h"

namespace goshawk::optimize {
namespace {

using onnx::Model;
using runtime::DeviceKind;

using Sizes = std::vector<std::int64_t>;

/// As exports of YOLOv8 weigh the distances of a box: reshape, transpose, softmax over `axis`.
Model distances(std::int64_t axis, bool transposed) {
  onnx::GraphBuilder graph("distances");
  auto x = graph.input("x", {std::int64_t{1}, std::int64_t{4}, std::int64_t{16}, std::int64_t{84}});
  if (transposed) x = graph.node("Transpose", {x}, {{"perm", Sizes{0, 2, 1, 3}}});
  graph.node("Softmax", {x}, {{"axis", axis}}, "y");
  graph.output(
      "y", transposed ? std::vector<onnx::Dimension>{std::int64_t{1}, std::int64_t{16}, std::int64_t{4}, std::int64_t{84}}
                      : std::vector<onnx::Dimension>{std::int64_t{1}, std::int64_t{4}, std::int64_t{16}, std::int64_t{84}});
  return onnx::parse_model(graph.serialize("test", "1"), "distances");
}

std::ptrdiff_t count_of(const Model& model, const std::string& op) {
  return std::count_if(model.nodes.begin(), model.nodes.end(), [&](const auto& node) { return node.op == op; });
}

TEST(ProviderGraph, SoftmaxOverAnInnerAxisIsTurnedAndGivesTheSameBits) {
  for (const bool transposed : {false, true}) {
    for (const std::int64_t axis : {1, 2, -2, -3}) {
      const Model model = distances(axis, transposed);
      Model turned = model;
      EXPECT_EQ(fit_to_provider(turned, DeviceKind::kCpu), 1U);
      EXPECT_EQ(count_of(turned, "Transpose"), 2) << "one that was there is joined with";
      onnx::check(turned, "turned");
      for (const bool optimize : {false, true}) {
        EXPECT_TRUE(testing::outputs_of(model, 1, optimize) == testing::outputs_of(turned, 1, optimize))
            << axis << transposed << optimize;
      }
      EXPECT_EQ(fit_to_provider(turned, DeviceKind::kCpu), 0U);
    }
  }
}

TEST(ProviderGraph, StaysAsItIsElsewhere) {
  for (const std::int64_t axis : {3, -1}) {
    Model model = distances(axis, false);
    EXPECT_EQ(fit_to_provider(model, DeviceKind::kCpu), 0U);
  }
  for (const auto device : {DeviceKind::kOpenVino, DeviceKind::kCuda, DeviceKind::kTensorRt}) {
    Model model = distances(1, true);
    EXPECT_EQ(fit_to_provider(model, device), 0U);
  }
  Model old = distances(1, true);
  old.opset = 12;  // softmax was over all axes from this one on
  EXPECT_EQ(fit_to_provider(old, DeviceKind::kCpu), 0U);
}

TEST(ProviderGraph, RealModelsAnswerBitByBitAsBefore) {
  const auto folder = std::filesystem::path(GOSHAWK_SHARED_DATA) / "models" / "foreign";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "needs ../shared/models/foreign";
  std::size_t changed = 0;
  for (const auto& item : std::filesystem::directory_iterator(folder)) {
    if (item.path().extension() != ".onnx") continue;
    Model model = onnx::read_model(item.path());
    simplify(model);
    Model turned = model;
    changed += fit_to_provider(turned, DeviceKind::kCpu);
    EXPECT_TRUE(testing::outputs_of(model, 1, true, 40) == testing::outputs_of(turned, 1, true, 40)) << item.path();
  }
  EXPECT_GT(changed, 0U);
}

}  // namespace
}  // namespace goshawk::optimize
