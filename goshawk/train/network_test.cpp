#include "goshawk/train/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/core/testing.h"

namespace goshawk::train {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Network parse(const std::string& yaml, int classes = 3, const std::string& scale = "") {
  return parse_network(parse_yaml(yaml, "net.yaml"), scale, classes, "net.yaml");
}

std::string refused(const std::string& yaml) {
  try {
    parse(yaml);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadConfig);
    return error.describe();
  }
  return "accepted";
}

const std::string kSmall = R"(
layers:
  - {op: conv, channels: 16, stride: 2}
  - {op: conv, channels: 16, stride: 2, name: fine}
  - {op: conv, channels: 32, stride: 2, name: coarse}
  - {op: detect, from: [fine, coarse], bins: 8}
)";

TEST(Network, CountsChannelsAndStrides) {
  const auto network = parse(kSmall);
  ASSERT_EQ(network.layers.size(), 4U);
  EXPECT_EQ(network.layers[0].input_channels, std::vector{3});
  EXPECT_THAT(network.strides, ElementsAre(4, 8));
  EXPECT_EQ(network.head().channels, 4 * 8 + 3);
  EXPECT_THAT(network.head().input_channels, ElementsAre(16, 32));
}

TEST(Network, SidesOfInputsAreMultiplesOfItsCoarsestMapEvenWhereTheHeadDoesNotSeeThat) {
  EXPECT_EQ(size_multiple(parse(kSmall)), 8);
  const auto network = parse(R"(
layers:
  - {op: conv, channels: 16, stride: 2}
  - {op: conv, channels: 16, stride: 2, name: fine}
  - {op: conv, channels: 32, stride: 2}
  - {op: conv, channels: 32, stride: 2}
  - {op: upsample, name: coarse}
  - {op: detect, from: [fine, coarse]}
)");
  EXPECT_THAT(network.strides, ElementsAre(4, 8));
  EXPECT_EQ(size_multiple(network), 16);
}

TEST(Network, BuiltInOnesHaveTheChannelsOfTheirScale) {
  const auto nano = load_network("goshawk-n", 80);
  EXPECT_THAT(nano.strides, ElementsAre(8, 16, 32));
  EXPECT_THAT(nano.head().input_channels, ElementsAre(64, 128, 256));
  EXPECT_EQ(nano.layers[4].repeats, 2);
  const auto medium = load_network("goshawk-m", 80);
  EXPECT_THAT(medium.head().input_channels, ElementsAre(192, 384, 576));
  EXPECT_EQ(medium.layers[4].repeats, 4);
}

TEST(Network, RefusesWhatCannotWorkAndSaysWhere) {
  EXPECT_THAT(refused("layers: []"), HasSubstr("layers"));
  EXPECT_THAT(refused("layers: [{op: covn, channels: 8}]"), HasSubstr("did you mean 'conv'"));
  EXPECT_THAT(refused("layers: [{op: conv, chanels: 8}]"), HasSubstr("did you mean 'channels'"));
  EXPECT_THAT(refused("layers: [{op: conv}]"), HasSubstr("`channels` is missing"));
  EXPECT_THAT(refused("layers: [{op: conv, channels: 8, kernel: 4}]"), HasSubstr("odd"));
  EXPECT_THAT(refused("layers: [{op: conv, channels: 8, from: nowhere}]"), HasSubstr("nowhere"));
  EXPECT_THAT(refused("layers: [{op: conv, channels: 8}]"), HasSubstr("must be `detect`"));
  EXPECT_THAT(refused("layers: [{op: upsample}, {op: detect}]"), HasSubstr("larger than the image"));
  EXPECT_THAT(refused(kSmall + "  - {op: conv, channels: 8}\n"), HasSubstr("nothing may follow"));
  EXPECT_THAT(refused("layers: [{op: conv, channels: 8, name: a}, {op: conv, channels: 8, stride: 2}, {op: concat, from: "
                      "[previous, a]}, "
                      "{op: detect}]"),
              HasSubstr("different strides"));
  EXPECT_THAT(refused("layers: [{op: conv, channels: 8}, {op: conv, channels: 8, name: b}, {op: conv, channels: 8, from: b, "
                      "stride: 2, name: c},"
                      "{op: conv, channels: 8, from: b}, {op: detect, from: c}]"),
              HasSubstr("layers[3]"));
  EXPECT_THAT(refused("layers: 5"), HasSubstr("list of layers"));
  EXPECT_THAT(refused("layers: [{op: concat, from: [previous, previous]}, {op: detect}]"), HasSubstr("once"));
}

TEST(Network, RefusesSizesThatNoMachineHas) {
  std::string deep = "layers:\n";
  for (int i = 0; i < 33; ++i) deep += "  - {op: conv, channels: 8, stride: 2}\n";
  EXPECT_THAT(refused(deep + "  - {op: detect}\n"), HasSubstr("2048 times smaller than the image"));
  EXPECT_THAT(refused("layers: [{op: csp, channels: 1}, {op: detect}]"), HasSubstr("too few channels"));
  EXPECT_THAT(refused("layers: [{op: csp, channels: 8192, repeats: 100}, {op: detect}]"), HasSubstr("weights"));
  EXPECT_EQ(load_network("goshawk-m", kMostClasses).layers.back().channels, 64 + kMostClasses);
}

TEST(Network, IsTheSameAfterItsDescription) {
  for (const char* name : {"goshawk-n", "goshawk-m"}) {
    const auto network = load_network(name, 80);
    auto again = parse_network(description_of(network), "", 80, "again");
    again.name = network.name;
    EXPECT_EQ(again, network) << name;
  }
}

TEST(Network, TakesTheChannelsWithinItsBlocks) {
  const std::string tail = "  - {op: detect, from: [previous], bins: 4, inner: [8, 9, 10, 11]}\n";
  const auto csp = [&](const char* more) {
    return std::string("layers:\n  - {op: conv, channels: 20, stride: 2}\n  - {op: csp, channels: 20, repeats: 2, ") + more +
           "}\n" + tail;
  };
  const auto network = parse(csp("inner: [3, 5, 7, 5, 6, 5], shortcut: true"));
  EXPECT_THAT(network.layers[1].inner, ElementsAre(3, 5, 7, 5, 6, 5));
  EXPECT_EQ(network.layers[1].channels, 20) << "without scales nothing is rounded";
  EXPECT_THAT(network.head().inner, ElementsAre(8, 9, 10, 11));
  EXPECT_EQ(parse_network(description_of(network), "", 3, "again"), network);
  EXPECT_THAT(parse(csp("shortcut: true")).layers[1].inner, ElementsAre(10, 10, 10, 10, 10, 10));
  EXPECT_THAT(refused(csp("inner: [3, 5]")), HasSubstr("layers[1].inner"));
  EXPECT_THAT(refused(csp("inner: [3, 5, 7, 5, 0, 5]")), HasSubstr("a list of 6 numbers"));
  EXPECT_THAT(refused(csp("inner: [3, 5, 7, 4, 6, 5], shortcut: true")), HasSubstr("keep the channels"));
}

TEST(Network, ScalesAreChosenByName) {
  const std::string yaml = "scales: {n: {width: 0.5}, s: {width: 1}}" + kSmall;
  EXPECT_EQ(parse(yaml, 3, "n").layers[2].channels, 16);
  EXPECT_EQ(parse(yaml, 3, "s").layers[2].channels, 32);
  EXPECT_THROW(parse(yaml, 3, "x"), Error);
  EXPECT_THAT(text_of_error([&] { parse(yaml, 3, ""); }, ErrorCode::kBadConfig), HasSubstr("n, s"));
  EXPECT_EQ(parse("scales: {s: {width: 0.5}}" + kSmall, 3, "").layers[2].channels, 16);
  EXPECT_THROW(load_network("goshawk-x", 3), Error);
  EXPECT_THROW(load_network("goshawk-n", 0), Error);
}

}  // namespace
}  // namespace goshawk::train
