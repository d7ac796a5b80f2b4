#include <gtest/gtest.h>
#include <torch/torch.h>

#include <filesystem>

#include "goshawk/core/files.h"
#include "goshawk/core/testing.h"
#include "goshawk/detect/conformance.h"
#include "goshawk/onnx/model.h"
#include "goshawk/optimize/input_size.h"
#include "goshawk/runtime/session.h"
#include "goshawk/train/export_onnx.h"
#include "goshawk/train/torch/artefact.h"
#include "goshawk/train/torch/weights.h"
#include "goshawk/train/validation.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;

/// Batch norms as after some training, so that folding them is put to the test.
void shake(DetectionNetwork& network) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : network.named_parameters()) {
    if (parameter.key().find("bn.weight") != std::string::npos) parameter.value().uniform_(0.5, 1.5);
    if (parameter.key().find("bn.bias") != std::string::npos) parameter.value().uniform_(-0.3, 0.3);
  }
  for (auto& buffer : network.named_buffers()) {
    if (buffer.key().find("running_mean") != std::string::npos) buffer.value().uniform_(-0.2, 0.2);
    if (buffer.key().find("running_var") != std::string::npos) buffer.value().uniform_(0.5, 2.0);
  }
}

std::unique_ptr<runtime::Session> load(const std::string& bytes, const fs::path& path) {
  write_file_atomically(path, bytes);
  runtime::SessionOptions options;
  options.device = runtime::parse_device("cpu");
  options.precision = runtime::parse_precision("fp32");
  auto session = runtime::Session::load(path, options);
  fs::remove(path);
  return session;
}

/// Greatest difference of any number, boxes in pixels.
double difference(DetectionNetwork& network, runtime::Session& session, int batch, int height, int width) {
  const torch::NoGradGuard no_grad;
  const auto images = torch::rand({batch, 3, height, width});
  const auto expected = decode_maps(network.forward(images), network.description());
  const std::vector<runtime::TensorView> inputs{
      {{images.const_data_ptr<float>(), static_cast<std::size_t>(images.numel())}, {batch, 3, height, width}}};
  const auto outputs = session.run(inputs);
  EXPECT_EQ(outputs.size(), 1U);
  EXPECT_EQ(outputs[0].shape, expected.sizes().vec());
  const auto given = torch::from_blob(const_cast<float*>(outputs[0].data.get()), outputs[0].shape);
  return (given - expected).abs().max().item<double>();
}

class Export : public testing::TestWithParam<const char*> {
 protected:
  fs::path path() const {
    std::string name = GetParam();
    return fs::temp_directory_path() / ("goshawk-export-" + name + "-" + std::to_string(::getpid()) + ".onnx");
  }
  std::shared_ptr<DetectionNetwork> network() const {
    torch::manual_seed(3);
    auto network = std::make_shared<DetectionNetwork>(load_network(GetParam(), 5));
    shake(*network);
    network->eval();
    return network;
  }
};

TEST_P(Export, AgreesWithTorch) {
  auto net = network();
  const auto session = load(export_onnx(net->description(), weights_of(*net), {96, 64, 1, false, {}}), path());
  EXPECT_LT(difference(*net, *session, 1, 64, 96), 1e-4);
}

TEST_P(Export, AgreesWithTorchAtAnySizeAndBatch) {
  auto net = network();
  const auto session = load(export_onnx(net->description(), weights_of(*net), {64, 64, std::nullopt, true, {}}), path());
  EXPECT_LT(difference(*net, *session, 2, 96, 64), 1e-4);
  EXPECT_LT(difference(*net, *session, 1, 32, 160), 1e-4);
}

TEST_P(Export, AgreesWithTorchAlsoWhenItsSizeIsChanged) {
  auto net = network();
  auto model = onnx::parse_model(export_onnx(net->description(), weights_of(*net), {96, 64, 1, false, {}}), "export");
  auto recipe = recipe_of({"a", "b", "c", "d", "e"}, 64, 32);
  optimize::set_input_size(model, recipe, 128);
  const auto session = load(onnx::serialize(model), path());
  EXPECT_LT(difference(*net, *session, 1, 128, 128), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(BuiltIn, Export, testing::Values("goshawk-n", "goshawk-s"),
                         [](const auto& test) { return std::string(test.param).substr(8); });

class Artefact : public testing::Test {
 protected:
  Artefact() : network_(load_network("goshawk-n", 2)) {
    torch::manual_seed(5);
    shake(network_);
    options_.recipe = recipe_of({"a", "b"}, 64, 32);
  }
  TemporaryFolder folder_;
  DetectionNetwork network_;
  ArtefactOptions options_;
};

TEST_F(Artefact, ProvesItself) {
  network_.eval();
  const auto path = folder_ / "model.onnx";
  write_model(network_, path, options_);
  runtime::SessionOptions session;
  session.device = runtime::parse_device("cpu");
  EXPECT_TRUE(detect::verify_conformance(path, session).passed());
}

TEST_F(Artefact, WhatComputesSomethingElseLeavesNoFile) {
  network_.train();  // batch norms of the moment: not what is exported
  EXPECT_EQ(code_of([&] { write_model(network_, folder_ / "model.onnx", options_); }), ErrorCode::kInternal);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST(Modules, HaveTheSizeOfTheirFamily) {
  const DetectionNetwork network(load_network("goshawk-n", 80));
  std::int64_t count = 0;
  for (const auto& parameter : network.parameters()) count += parameter.numel();
  EXPECT_EQ(count, 3'157'184);  // YOLOv8n: 3,157,200 with the 16 fixed weights of its DFL convolution
}

}  // namespace
}  // namespace goshawk::train
