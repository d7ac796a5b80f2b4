#include "goshawk/onnx/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "goshawk/core/error.h"
#include "goshawk/core/testing.h"
#include "goshawk/onnx/engine_context.h"
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

/// A length-delimited field of protobuf.
std::string field(int number, const std::string& content) {
  std::string bytes;
  const auto varint = [&](std::size_t value) {
    for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7F) | 0x80);
    bytes += static_cast<char>(value);
  };
  varint(static_cast<std::size_t>(number) << 3 | 2U);
  varint(content.size());
  return bytes + content;
}

std::string repeated(const std::string& part, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += part;
  return all;
}

/// VmRSS of this process at its highest so far, in MiB.
std::size_t peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6)) / 1024;
  }
  return 0;
}

const std::string kVersion("\x08\x08", 2);

TEST(OnnxModel, LimitsHoldBeforeNodesAreMade) {
  const std::string nodes = repeated(field(1, ""), 1'000'000);  // of two bytes each
  const std::string file = kVersion + field(7, nodes);
  EXPECT_THAT(message_of([&] { parse_model(file, "many"); }), testing::HasSubstr("more than 100000 nodes"));
  EXPECT_THAT(message_of([&] { parse_model(file.substr(0, file.size() - 1), "cut"); }), testing::HasSubstr("cut off"));
  EXPECT_THAT(message_of([] { parse_model("no model", "text"); }), testing::HasSubstr("cannot be used"));
}

TEST(OnnxModel, WhatIsNestedCountsBeforeItIsMade) {
  constexpr int kMany = 4'000'000;  // two bytes each; protobuf would make about a gigabyte of each kind
  const auto inside_node = [](const std::string& attribute) {
    return kVersion + field(7, field(1, field(4, "If") + field(5, field(1, "body") + attribute)));
  };
  const std::string nodes = repeated(field(1, ""), kMany);
  const std::vector<std::pair<std::string, std::string>> hostile{
      {"nodes", inside_node(field(6, nodes))},                                        // a subgraph
      {"nodes", kVersion + field(7, "") + field(25, repeated(field(7, ""), kMany))},  // a function
      {"constants", inside_node(field(6, repeated(field(5, ""), kMany)))},
      {"parts", kVersion + field(7, repeated(field(13, ""), kMany))},                         // descriptions of values
      {"parts", kVersion + field(7, field(1, repeated(field(1, ""), kMany)))},                // names of inputs
      {"parts", kVersion + field(7, "") + repeated(std::string("\x98\x06\x00", 3), kMany)}};  // fields that nobody knows
  const std::size_t before = peak_mib();
  for (const auto& [what, file] : hostile) {
    EXPECT_THAT(message_of([&] { parse_model(file, "hostile"); }), testing::HasSubstr(what));
  }
  EXPECT_LT(peak_mib() - before, 64U) << "MiB more than before";
  std::string deep;
  for (int i = 0; i < 60; ++i) deep = field(1, field(4, "If") + field(5, field(6, deep)));
  EXPECT_THAT(message_of([&] { parse_model(kVersion + field(7, deep), "deep"); }), testing::HasSubstr("nested"));
}

/// A model whose one constant lies in `location`.
std::string with_external(const std::string& location) {
  // dims 1, data_type 2, name 8, external_data 13, data_location 14
  const std::string entry = field(1, "location") + field(2, location);
  const std::string tensor =
      std::string("\x08\x01\x10\x01", 4) + field(8, "w") + field(13, entry) + std::string("\x70\x01", 2);
  const std::string node = field(1, "w") + field(2, "y") + field(4, "Relu");
  const std::string graph = field(1, node) + field(5, tensor) + field(12, field(1, "y"));
  return kVersion + field(7, graph) + field(8, std::string("\x10\x11", 2));
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

TEST(EngineModel, HasTheInputsAndOutputsOfItsModelAroundOneNode) {
  const Model original = small();
  for (const bool embedded : {false, true}) {
    const std::string content = embedded ? std::string("\x66\x00\x74\xFF", 4) : "small.engine";
    const EngineContext engine{"TensorrtExecutionProvider", content, embedded, "small.onnx", {{"goshawk.engine", "{}"}}};
    const Model model = parse_model(serialize(engine_model(original, engine)), "engine");
    ASSERT_EQ(model.nodes.size(), 1U);
    const Node& node = model.nodes[0];
    EXPECT_EQ(node.op, "EPContext");
    EXPECT_EQ(node.domain, "com.microsoft");
    EXPECT_EQ(model.other_opsets.at("com.microsoft"), 1);
    EXPECT_EQ(node.inputs, std::vector<std::string>{"x"});
    EXPECT_EQ(node.outputs, std::vector<std::string>{"y"});
    EXPECT_EQ(node.integer("embed_mode", -1), embedded ? 1 : 0);
    EXPECT_EQ(node.integer("main_context", -1), 1);
    EXPECT_EQ(node.text("ep_cache_context", ""), content);
    EXPECT_EQ(node.text("source", ""), "TensorrtExecutionProvider");
    EXPECT_EQ(node.text("onnx_model_filename", ""), "small.onnx");
    EXPECT_EQ(model.inputs.at(0).shape, original.inputs[0].shape);
    EXPECT_EQ(model.outputs.at(0).shape, original.outputs[0].shape);
    EXPECT_TRUE(model.constants.empty());
    EXPECT_EQ(model.metadata.at("goshawk.engine"), "{}");
  }
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
