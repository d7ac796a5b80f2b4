// A trained model is pruned, and training goes on from what is left.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "goshawk/core/files.h"
#include "goshawk/core/testing.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/onnx/model.h"
#include "goshawk/optimize/precision.h"
#include "goshawk/optimize/prune.h"
#include "goshawk/optimize/simplify.h"
#include "goshawk/runtime/session.h"
#include "goshawk/train/torch/weights.h"
#include "goshawk/train/trained_model.h"
#include "goshawk/train/validation.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;

class PrunedTraining : public testing::Test {
 protected:
  PrunedTraining() {
    torch::manual_seed(3);
    const DetectionNetwork whole(load_network("goshawk-n", 5));
    ExportOptions options{64, 64, 1, false, {}};
    options.metadata[detect::kRecipeKey] = detect::recipe_text(recipe_of({"a", "b", "c", "d", "e"}, 64, 32));
    model_ = onnx::parse_model(export_onnx(whole.description(), weights_of(whole), options), "whole");
    optimize::simplify(model_);
    optimize::PruneOptions half;
    half.target = 0.5;
    model_ = optimize::prune(model_, nullptr, half).model;
    write(model_);
  }
  void write(const onnx::Model& model) const { write_file_atomically(path_, onnx::serialize(model)); }

  /// What the file answers to pictures, as a tensor.
  torch::Tensor answer(const torch::Tensor& pictures) const {
    runtime::SessionOptions options;
    options.device = runtime::parse_device("cpu");
    options.precision = runtime::parse_precision("fp32");
    const auto session = runtime::Session::load(path_, options);
    const std::vector<runtime::TensorView> inputs{
        {{pictures.const_data_ptr<float>(), static_cast<std::size_t>(pictures.numel())}, pictures.sizes().vec()}};
    const auto outputs = session->run(inputs);
    return torch::from_blob(const_cast<float*>(outputs[0].data.get()), outputs[0].shape).clone();
  }

  TemporaryFolder folder_;
  fs::path path_ = folder_ / "pruned.onnx";
  onnx::Model model_;
};

double furthest(const torch::Tensor& a, const torch::Tensor& b) { return (a - b).abs().max().item<double>(); }

TEST_F(PrunedTraining, BeginsWithWhatTheModelComputes) {
  const auto model = read_trained_model(path_);
  const auto usual = load_network("goshawk-n", 5);
  EXPECT_NE(model.network.layers, usual.layers);
  EXPECT_NE(model.network.head().inner, usual.head().inner);

  DetectionNetwork network(model.network);
  const auto pictures = torch::rand({8, 3, 64, 64});
  const auto taken = take_weights(network, model, [&] { network.forward(pictures); });
  EXPECT_EQ(taken.tensors, taken.of);

  const torch::NoGradGuard no_grad;
  network.eval();
  const auto one = torch::rand({1, 3, 64, 64});
  EXPECT_LT(furthest(decode_maps(network.forward(one), model.network), answer(one)), 1e-3);
  const auto told = decode_maps(network.forward(pictures), model.network);
  network.train();  // the statistics are those of the pictures then, and stand in the norms
  EXPECT_LT(furthest(decode_maps(network.forward(pictures), model.network), told), 1e-2);
}

TEST_F(PrunedTraining, TakesWeightsThatAreStoredInHalfPrecision) {
  const auto whole = read_trained_model(path_);
  for (const auto& stored : {optimize::store_fp16(model_), optimize::to_bf16(model_)}) {
    write(stored.model);
    const auto half = read_trained_model(path_);
    EXPECT_EQ(half.network.layers, whole.network.layers);
    const auto &a = half.weights.at("model.4.cv1.weight").values, &b = whole.weights.at("model.4.cv1.weight").values;
    EXPECT_NE(a, b);
    for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-2 * std::abs(b[i]) + 1e-6);
  }
}

TEST_F(PrunedTraining, HeadForOtherClassesIsLeftOut) {
  DetectionNetwork network(load_network(path_.string(), 3));
  const auto taken = take_weights(network, read_trained_model(path_), [&] { network.forward(torch::rand({2, 3, 64, 64})); });
  EXPECT_EQ(taken.of - taken.tensors, 6U) << "weight and bias of the last convolution of each of three class branches";
}

TEST_F(PrunedTraining, ModelsOfOthersAndTornOnesAreRefused) {
  auto other = model_;
  other.metadata.erase(kNetworkKey);
  write(other);
  EXPECT_EQ(code_of([&] { read_trained_model(path_); }), ErrorCode::kBadData);
  for (const char* hostile : {"5", "[]", R"({"network": 7})", R"({"network": "goshawk-x"})", "{"}) {
    other.metadata["goshawk.training"] = hostile;
    write(other);
    EXPECT_NE(code_of([&] { read_trained_model(path_); }), ErrorCode::kInternal) << hostile;
  }

  auto torn = model_;
  auto& bias = torn.constants.at("model.4.cv2.bias");
  bias.shape = {1};
  bias.bytes.resize(sizeof(float));
  write(torn);
  EXPECT_EQ(code_of([&] { read_trained_model(path_); }), ErrorCode::kBadData);
}

}  // namespace
}  // namespace goshawk::train
