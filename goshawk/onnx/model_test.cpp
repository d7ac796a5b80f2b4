#include "goshawk/onnx/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "goshawk/core/error.h"
#include "goshawk/core/testing.h"
#include "goshawk/onnx/graph_builder.h"
#include "goshawk/onnx/wiring.h"

namespace goshawk::onnx {
namespace {

namespace fs = std::filesystem;

/// relu(x) + relu(x) * two, with one node that nobody needs.
Model small() {
  GraphBuilder graph("small");
  graph.input("x", {std::int64_t{1}, std::int64_t{2}, std::int64_t{3}});
  const std::vector<float> two{2.0F};
  const std::vector<std::int64_t> one{1};
  graph.constant("two", one, two);
  graph.node("Relu", {"x"}, {}, "r");
  graph.node("Mul", {"r", "two"}, {}, "m");
  graph.node("Add", {"r", "m"}, {}, "y");
  graph.node("Neg", {"r"}, {}, "unused");
  graph.output("y", {std::int64_t{1}, std::int64_t{2}, std::int64_t{3}});
  graph.metadata("names", "{0: 'a'}");
  return parse_model(graph.serialize("test", "1"), "small");
}

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadData);
    return error.what();
  }
  return "nothing was thrown";
}

TEST(OnnxModel, WhatIsReadIsWrittenAgain) {
  const Model model = small();
  const Model again = parse_model(serialize(model), "again");
  ASSERT_EQ(again.nodes.size(), 4U);
  EXPECT_EQ(again.nodes[1].op, "Mul");
  EXPECT_EQ(again.nodes[1].inputs, (std::vector<std::string>{"r", "two"}));
  EXPECT_EQ(again.constant("two")->floats(), std::vector<float>{2.0F});
  EXPECT_EQ(again.metadata.at("names"), "{0: 'a'}");
  EXPECT_EQ(again.opset, 17);
  EXPECT_EQ(serialize(again), serialize(model));
}

TEST(OnnxModel, ChecksRefuseWhatCannotRun) {
  const auto broken = [](auto change) {
    return message_of([&] {
      Model model = small();
      change(model);
      parse_model(serialize(model), "broken");
    });
  };
  EXPECT_THAT(broken([](Model& m) { m.nodes[0].inputs[0] = "y"; }), testing::HasSubstr("cycle"));
  EXPECT_THAT(broken([](Model& m) { m.nodes[0].inputs[0] = "r"; }), testing::HasSubstr("cycle"));
  EXPECT_THAT(broken([](Model& m) { m.nodes[2].inputs[0] = "gone"; }), testing::HasSubstr("nothing makes"));
  EXPECT_THAT(broken([](Model& m) { m.nodes[1].outputs[0] = "r"; }), testing::HasSubstr("two values are called 'r'"));
  EXPECT_THAT(broken([](Model& m) { m.outputs[0].name = "gone"; }), testing::HasSubstr("nothing makes its output"));
  EXPECT_THAT(broken([](Model& m) { m.constants["two"].bytes.pop_back(); }), testing::HasSubstr("holds 3 bytes"));
  EXPECT_THAT(broken([](Model& m) { m.constants["two"].shape = {-1}; }), testing::HasSubstr("makes no sense"));
  EXPECT_THAT(broken([](Model& m) { m.nodes[0].domain = "my.own"; }), testing::HasSubstr("my.own"));
  EXPECT_THAT(broken([](Model& m) { m.opset = 0; }), testing::HasSubstr("operator set"));
}

TEST(OnnxModel, NodesThatCameInTheWrongOrderAreSorted) {
  Model model = small();
  std::swap(model.nodes[0], model.nodes[2]);
  const Model sorted = parse_model(serialize(model), "sorted");
  EXPECT_EQ(sorted.nodes[0].op, "Relu");
}

TEST(OnnxModel, TwoGraphsAreRefusedBeforeTheyAreJoined) {
  const std::string graph("\x3A\x04\x0A\x00\x0A\x00", 6);  // field 7 with two empty nodes
  EXPECT_THAT(message_of([&] { parse_model(graph + graph, "two"); }), testing::HasSubstr("two graphs"));
}

TEST(OnnxModel, LimitsHoldBeforeNodesAreMade) {
  // A million empty nodes of two bytes each: field 7 (graph) of so many fields 1 (node).
  std::string nodes;
  for (int i = 0; i < 1'000'000; ++i) nodes += std::string("\x0A\x00", 2);
  std::string file("\x08\x08\x3A", 3);
  for (auto size = nodes.size();; size >>= 7) {
    if (size < 0x80) {
      file += static_cast<char>(size);
      break;
    }
    file += static_cast<char>((size & 0x7F) | 0x80);
  }
  EXPECT_THAT(message_of([&] { parse_model(file + nodes, "many"); }), testing::HasSubstr("more than 100000 nodes"));
  EXPECT_THAT(message_of([&] { parse_model(file + nodes.substr(1), "cut"); }), testing::HasSubstr("cut off"));
  EXPECT_THAT(message_of([] { parse_model("no model", "text"); }), testing::HasSubstr("cannot be used"));
}

/// A model whose one constant lies in `location`.
std::string with_external(const std::string& location) {
  const auto text = [](int field, const std::string& value) {
    return std::string(1, static_cast<char>(field << 3 | 2)) + static_cast<char>(value.size()) + value;
  };
  // dims 1, data_type 2, name 8, external_data 13, data_location 14
  const std::string entry = text(1, "location") + text(2, location);
  const std::string tensor =
      std::string("\x08\x01\x10\x01", 4) + text(8, "w") + text(13, entry) + std::string("\x70\x01", 2);
  const std::string node = text(1, "w") + text(2, "y") + text(4, "Relu");
  const std::string graph = text(1, node) + text(5, tensor) + text(12, text(1, "y"));
  return std::string("\x08\x08", 2) + text(7, graph) + text(8, std::string("\x10\x11", 2));
}

TEST(OnnxModel, ExternalWeightsAreReadFromItsFolderOnly) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "inner");
  const float value = 1.5F;
  for (const char* place : {"inner/w.bin", "outside.bin"}) {
    std::ofstream(folder.path() / place, std::ios::binary).write(reinterpret_cast<const char*>(&value), sizeof value);
  }
  const auto read = [&](const std::string& location) {
    const auto path = folder.path() / "inner" / "model.onnx";
    std::ofstream(path, std::ios::binary) << with_external(location);
    return read_model(path);
  };
  EXPECT_EQ(read("w.bin").constant("w")->floats(), std::vector<float>{1.5F});
  for (const std::string location : {"../outside.bin", "/etc/hostname", "", "x/../../outside.bin"}) {
    EXPECT_THAT(message_of([&] { read(location); }), testing::HasSubstr("outside of its folder")) << location;
  }
  EXPECT_THAT(message_of([&] { read("none.bin"); }), testing::HasSubstr("missing"));
  fs::create_symlink(folder.path() / "outside.bin", folder.path() / "inner" / "link.bin");
  EXPECT_THAT(message_of([&] { read("link.bin"); }), testing::HasSubstr("outside of its folder"));
  EXPECT_THAT(message_of([] { parse_model(with_external("w.bin"), "memory"); }),
              testing::HasSubstr("outside of its folder"));
}

TEST(Wiring, KnowsMakersAndTakers) {
  const Model model = small();
  const Wiring wiring(model);
  EXPECT_EQ(wiring.producer("x"), Wiring::kNone);
  EXPECT_EQ(model.nodes[wiring.producer("m")].op, "Mul");
  EXPECT_EQ(wiring.consumers("r").size(), 3U);
  EXPECT_TRUE(wiring.has_one_use("m"));
  EXPECT_FALSE(wiring.has_one_use("y"));
}

TEST(Wiring, RemovesWhatNobodyNeeds) {
  Model model = small();
  model.constants["lost"] = Tensor::of("lost", {1}, std::vector{1.0F});
  EXPECT_EQ(remove_unused(model), 1U);
  EXPECT_EQ(model.nodes.size(), 3U);
  EXPECT_EQ(model.constants.count("lost"), 0U);
}

TEST(OnnxModel, RealModelsKeepTheirBytesApartFromOrder) {
  const fs::path folder = fs::path(GOSHAWK_SHARED_DATA) / "models";
  if (!fs::exists(folder)) GTEST_SKIP() << "needs ../shared/models";
  for (const auto& item : fs::recursive_directory_iterator(folder)) {
    if (item.path().extension() != ".onnx") continue;
    const Model model = read_model(item.path());
    const std::string bytes = serialize(model);
    EXPECT_EQ(serialize(parse_model(bytes, "again")), bytes) << item.path();
    EXPECT_GT(model.nodes.size(), 0U) << item.path();
  }
}

}  // namespace
}  // namespace goshawk::onnx
