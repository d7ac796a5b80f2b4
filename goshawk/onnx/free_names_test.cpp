#include "goshawk/onnx/free_names.h"

#include <gtest/gtest.h>

namespace goshawk::onnx {
namespace {

TEST(FreeNames, AreThoseOfNoValueConstantOrNodeAndAreGivenOnce) {
  Model model;
  model.inputs.resize(1);
  model.inputs[0].name = "x";
  model.constants["w"] = Tensor::of("w", {1}, std::vector{1.0F});
  model.nodes.push_back({"Relu", "relu", "", {"x"}, {"r", "w_2"}, {}, {"outer"}});
  FreeNames names(model);
  EXPECT_EQ(names.take("w"), "w_3");
  EXPECT_EQ(names.take("w"), "w_4");
  EXPECT_EQ(names.take("w_4"), "w_4_2");
  for (const std::string taken : {"x", "relu", "r", "outer"}) EXPECT_EQ(names.take(taken), taken + "_2");
  EXPECT_EQ(names.take("new"), "new");
  EXPECT_EQ(names.take("new"), "new_2");
}

}  // namespace
}  // namespace goshawk::onnx
