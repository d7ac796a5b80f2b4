#include "goshawk/train/torch/teacher.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <opencv2/core.hpp>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/testing.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/detect/testing_onnx.h"
#include "goshawk/media/image.h"
#include "goshawk/train/torch/artefact.h"
#include "goshawk/train/torch/compute.h"
#include "goshawk/train/torch/taught_batches.h"
#include "goshawk/train/torch/weights.h"
#include "goshawk/train/validation.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;

/// A small goshawk-n with random weights, and the file that it is written to.
class TeacherTest : public testing::Test {
 protected:
  TeacherTest() : network_(load_network("goshawk-n", 3)), file_(folder_ / "teacher.onnx") {
    torch::manual_seed(6);
    const torch::NoGradGuard no_grad;
    for (auto& item : network_.named_parameters()) {  // so that scores differ from place to place
      if (item.key().find("cv3") != std::string::npos && item.value().dim() == 1) item.value().uniform_(-1, 1);
    }
    network_.eval();
    ArtefactOptions options;
    options.recipe = recipe_of({"cat", "dog", "hen"}, kSide, 32);
    exact_ = session_beside(torch::kCPU, 2);
    exact_.precision = runtime::Precision::kFp32;
    write_model(network_, file_, options);
    cv::theRNG().state = 3;
    pixels_.resize(static_cast<std::size_t>(kImages * kSide * kSide * 3));
    cv::Mat view(1, static_cast<int>(pixels_.size()), CV_8U, pixels_.data());
    cv::randu(view, 0, 255);
  }

  static constexpr int kSide = 96, kImages = 5;
  goshawk::TemporaryFolder folder_;
  DetectionNetwork network_;
  fs::path file_;
  runtime::SessionOptions exact_;
  std::vector<std::uint8_t> pixels_;
};

TEST_F(TeacherTest, SaysWhatItsNetworkComputesOfTheSamePictures) {
  const torch::NoGradGuard no_grad;
  const auto student = load_network("goshawk-n", 4);
  Teacher teacher(file_, {"hen", "cow", "cat", "dog"}, {}, student, kSide, exact_);
  EXPECT_EQ(teacher.known(), 3U);
  const auto taught = teacher.look(pixels_, kImages);
  const auto maps = network_.forward(to_input(pixels_, kImages, kSide, Compute{}));
  const auto expected = decode_maps(maps, network_.description());  // [N, 4 + 3, A]

  constexpr double kRounding = 1e-4;
  const auto own = expected.slice(1, 4);
  ASSERT_GT((own.amax(2) - own.amin(2)).min().item<double>(), 2 * kRounding) << "nothing to tell apart";
  EXPECT_LT((taught.scores.select(1, 0) - own.select(1, 2)).abs().max().item<double>(), kRounding);
  EXPECT_EQ(taught.scores.select(1, 1).abs().max().item<double>(), 0);
  EXPECT_LT((taught.scores.select(1, 2) - own.select(1, 0)).abs().max().item<double>(), kRounding);
  EXPECT_LT((taught.scores.select(1, 3) - own.select(1, 1)).abs().max().item<double>(), kRounding);
  EXPECT_TRUE(torch::equal(taught.known, torch::tensor({1.0F, 0.0F, 1.0F, 1.0F})));
  const auto center = expected.slice(1, 0, 2), half = expected.slice(1, 2, 4) / 2;
  const auto corners = torch::cat({center - half, center + half}, 1).transpose(1, 2);
  EXPECT_LT((taught.boxes - corners).abs().max().item<double>(), kRounding * kSide);
}

TEST_F(TeacherTest, TeachesTheClassesThatAreAskedFor) {
  const auto student = load_network("goshawk-n", 3);
  const std::vector<std::string> classes{"hen", "cat", "dog"};
  const auto everything = Teacher(file_, classes, {}, student, kSide, exact_).look(pixels_, kImages);
  Teacher teacher(file_, classes, {"dog", "hen"}, student, kSide, exact_);
  EXPECT_EQ(teacher.known(), 2U);
  const auto taught = teacher.look(pixels_, kImages);
  EXPECT_TRUE(torch::equal(taught.known, torch::tensor({1.0F, 0.0F, 1.0F})));
  EXPECT_TRUE(torch::equal(taught.scores.select(1, 0), everything.scores.select(1, 0)));
  EXPECT_EQ(taught.scores.select(1, 1).abs().max().item<double>(), 0);
  EXPECT_TRUE(torch::equal(taught.scores.select(1, 2), everything.scores.select(1, 2)));

  const auto not_ours = text_of_error([&] { Teacher(file_, classes, {"dgo"}, student, kSide, exact_); }, ErrorCode::kUsage);
  EXPECT_NE(not_ours.find("the data set has no class 'dgo'; did you mean 'dog'?"), std::string::npos) << not_ours;
  const auto not_its = text_of_error(
      [&] {
        Teacher(file_, {"cat", "cow"}, {"cow"}, student, kSide, exact_);
      },
      ErrorCode::kUsage);
  EXPECT_NE(not_its.find("the teacher has no class 'cow'"), std::string::npos) << not_its;
}

TEST_F(TeacherTest, OfNoPicturesSaysNothing) {
  Teacher teacher(file_, {"cat"}, {}, load_network("goshawk-n", 1), kSide, exact_);
  EXPECT_EQ(teacher.look({}, 0).scores.size(0), 0);
}

TEST_F(TeacherTest, ThatDoesNotFitIsRefused) {
  const auto student = load_network("goshawk-n", 1);
  const auto of_size = text_of_error([&] { Teacher(file_, {"cat"}, {}, student, 128, exact_); }, ErrorCode::kUsage);
  EXPECT_NE(of_size.find("96 x 96, and the training has 128"), std::string::npos) << of_size;
  EXPECT_NE(of_size.find("--imgsz 128"), std::string::npos) << of_size;
  const auto of_classes = text_of_error([&] { Teacher(file_, {"cow"}, {}, student, kSide, exact_); }, ErrorCode::kBadConfig);
  EXPECT_NE(of_classes.find("knows none of the data set's classes"), std::string::npos) << of_classes;

  auto coarse = student;
  coarse.strides = {16, 32};
  const auto of_cells = text_of_error([&] { Teacher(file_, {"cat"}, {}, coarse, kSide, exact_); }, ErrorCode::kBadConfig);
  EXPECT_NE(of_cells.find("answers at 189 places, and the network at 45"), std::string::npos) << of_cells;

  Recipe anchors = recipe_of({"cat"}, kSide, 32);  // 144 columns: a box, an objectness and 139 classes
  anchors.family = Family::kYoloV5;
  for (int i = 1; i < 139; ++i) anchors.class_names.push_back("other " + std::to_string(i));
  write_file_atomically(
      folder_ / "boxes.onnx",
      detect::brightness_model({1, 3, kSide, kSide}, {{detect::kRecipeKey, detect::recipe_text(anchors)}}));
  const auto of_family =
      text_of_error([&] { Teacher(folder_ / "boxes.onnx", {"cat"}, {}, student, kSide, exact_); }, ErrorCode::kBadConfig);
  EXPECT_NE(of_family.find("answers at 0 places"), std::string::npos) << of_family;
}

TEST_F(TeacherTest, WhatIsSaidAheadGoesWithItsBatch) {
  std::vector<TrainingImage> images;
  for (int i = 0; i < 5; ++i) {
    cv::Mat picture(kSide, kSide, CV_8UC3);
    cv::randu(picture, 0, 255);
    images.push_back({folder_ / (std::to_string(i) + ".png"), kSide, kSide, {}});
    media::write_image(images.back().path, picture);
  }
  ImageStore store(images, kSide, {1 << 20, {}});
  LoaderOptions options;
  options.batch = 2;
  EpochLoader loader(store, options, 0, true), same(store, options, 0, true);
  Teacher teacher(file_, {"cat", "dog"}, {}, network_.description(), kSide, exact_);
  TaughtBatches batches(loader, &teacher);
  std::vector<TaughtBatches::Taken> all;
  while (auto taken = batches.next()) all.push_back(std::move(*taken));
  EXPECT_FALSE(batches.next());

  EXPECT_EQ(all.size(), 3U);
  for (const auto& [batch, taught] : all) {
    const auto expected = same.next();
    ASSERT_TRUE(expected && taught);
    EXPECT_EQ(batch.images, expected->images);
    EXPECT_EQ(batch.pixels, expected->pixels);
    const auto at_once = teacher.look(batch.pixels, batch.size());
    EXPECT_TRUE(torch::equal(taught->scores, at_once.scores));
    EXPECT_TRUE(torch::equal(taught->boxes, at_once.boxes));
  }
}

TEST(SessionBeside, ATrainingOnTheCpuStaysThere) {
  const auto options = session_beside(torch::kCPU, 3);
  EXPECT_FALSE(runtime::is_gpu(options.device.kind));
  EXPECT_NE(options.device.kind, runtime::DeviceKind::kAuto);
  EXPECT_EQ(options.parallel_runs, 3);
}

}  // namespace
}  // namespace goshawk::train
