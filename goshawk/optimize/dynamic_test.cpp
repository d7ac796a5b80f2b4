#include "goshawk/optimize/dynamic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "goshawk/core/error.h"
#include "goshawk/optimize/precision.h"
#include "goshawk/optimize/testing.h"
#include "goshawk/optimize/widen.h"

namespace goshawk::optimize {
namespace {

using onnx::Model;
using testing::normal_values;
using testing::small_network;

TEST(Dynamic, MatrixProductsInInt8StayNear) {
  onnx::GraphBuilder graph("products");
  const std::vector<std::int64_t> shape{16, 24}, second{24, 7};
  const auto hidden = graph.node("Relu", {graph.node("MatMul",
                                                     {graph.input("x", {std::int64_t{3}, std::int64_t{16}}),
                                                      graph.constant("a", shape, normal_values(16 * 24, 1))},
                                                     {}, "first")});
  graph.node("MatMul", {hidden, graph.constant("b", second, normal_values(24 * 7, 0.3F))}, {}, "y");
  graph.output("y", {std::int64_t{3}, std::int64_t{7}});
  const auto done = quantize_dynamic(onnx::parse_model(graph.serialize("test", "1"), "products"), "products", false);
  EXPECT_EQ(done.layers, (std::vector<std::string>{"first", "y"}));
  EXPECT_GT(done.output_error, 0);
  EXPECT_LT(done.output_error, 0.02);
}

TEST(Dynamic, Fp16ModelsAreQuantizedAndKeepTheirStorage) {
  onnx::GraphBuilder graph("products");
  const std::vector<std::int64_t> shape{16, 24};
  graph.node("MatMul",
             {graph.input("x", {std::int64_t{3}, std::int64_t{16}}), graph.constant("a", shape, normal_values(16 * 24, 1))},
             {}, "y");
  graph.output("y", {std::int64_t{3}, std::int64_t{24}});
  Model half = to_fp16(onnx::parse_model(graph.serialize("test", "1"), "products")).model;
  narrow_ends(half, {"x", "y"});
  const auto done = quantize_dynamic(half, "products", false);
  EXPECT_EQ(done.layers.size(), 1U);
  EXPECT_GT(done.output_error, 0);
  EXPECT_LT(done.output_error, 0.02);
  EXPECT_EQ(storage_of(done.model).half_ends, (std::set<std::string>{"x", "y"}));
}

TEST(Dynamic, IsRefusedForConvolutions) {
  try {
    quantize_dynamic(small_network(), "small", false);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadConfig);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("gains nothing"));
  }
}

}  // namespace
}  // namespace goshawk::optimize
