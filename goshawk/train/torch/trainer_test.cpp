#include "goshawk/train/torch/trainer.h"

#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <opencv2/core.hpp>

#include "goshawk/core/error.h"
#include "goshawk/core/testing.h"
#include "goshawk/media/image.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;

/// Memory that ends: more than `most` bytes at once are refused, as the system would.
class SmallMemory final : public c10::Allocator {
 public:
  explicit SmallMemory(std::size_t most) : most_(most), usual_(c10::GetCPUAllocator()) { c10::SetCPUAllocator(this, 100); }
  ~SmallMemory() override { c10::SetCPUAllocator(usual_, 100); }
  c10::DataPtr allocate(std::size_t bytes) override {
    TORCH_CHECK(bytes <= most_, "DefaultCPUAllocator: can't allocate memory: you tried to allocate ", bytes, " bytes.");
    return usual_->allocate(bytes);
  }
  void copy_data(void* to, const void* from, std::size_t count) const override { default_copy_data(to, from, count); }
  c10::DeleterFnPtr raw_deleter() const override { return usual_->raw_deleter(); }

 private:
  std::size_t most_;
  c10::Allocator* usual_;
};

/// Eight pictures of noise with a box each, which learn and judge.
class Training : public testing::Test {
 protected:
  Training() {
    set_.classes = {"thing"};
    set_.truth.categories.push_back({});
    set_.truth.categories[0].name = "thing";
    for (int i = 0; i < 8; ++i) {
      cv::Mat image(64, 64, CV_8UC3);
      cv::theRNG().state = static_cast<std::uint64_t>(i) + 1;
      cv::randu(image, 0, 255);
      TrainingImage entry{folder_ / (std::to_string(i) + ".png"), 64, 64, {}};
      entry.targets.objects.push_back({{8, 8, 40, 48}, 0});
      media::write_image(entry.path, image);
      set_.train.push_back(entry);
    }
    fs::create_directories(folder_ / "weights");
    request_.folder = folder_.path();
    request_.quiet = true;
    request_.tell = request_.warn = [this](const std::string& line) { notes_ += line + "\n"; };
    request_.options.imgsz = 64;
    request_.options.batch = 8;
    request_.options.epochs = 1;
    request_.options.workers = 1;
    request_.options.val = false;
    request_.options.amp = false;
  }

  TrainOutcome train() {
    Peers alone;
    Trainer trainer(request_, set_, std::nullopt, torch::kCPU, alone);
    TrainOutcome outcome;
    trainer.run(outcome);
    batch_ = trainer.options().batch;
    return outcome;
  }

  TemporaryFolder folder_;
  TrainRequest request_;
  TrainingSet set_;
  std::string notes_;
  int batch_ = 0;
};

TEST_F(Training, ABatchThatDoesNotFitIsHalvedUntilItDoes) {
  request_.options.imgsz = 256;  // the first layer's map of one picture is 16 x 128 x 128 floats, 1 MiB
  const SmallMemory memory(5UL << 20);
  const auto outcome = train();
  EXPECT_EQ(outcome.epochs_done, 1);
  EXPECT_TRUE(fs::exists(outcome.best));
  EXPECT_EQ(batch_, 4);
  EXPECT_NE(notes_.find("the batch does not fit into memory: going on with 4 images"), std::string::npos) << notes_;
}

TEST_F(Training, ABatchOfOnePictureWhoseCoarsestMapIsOneCellIsLearnedFrom) {
  request_.options.imgsz = 32;
  request_.options.batch = 7;  // and then one
  const auto outcome = train();
  EXPECT_EQ(outcome.epochs_done, 1);
  EXPECT_TRUE(fs::exists(outcome.best));
}

TEST_F(Training, WhatAutoStandsForIsToldAndWhatItOverrulesToo) {
  request_.options.lr0 = 0.5;
  train();
  EXPECT_NE(notes_.find("optimizer auto: adamw, lr0 0.002, momentum 0.9"), std::string::npos) << notes_;
  EXPECT_NE(notes_.find("--optimizer auto chooses --lr0"), std::string::npos) << notes_;
  notes_.clear();
  request_.options.optimizer = "sgd";
  request_.options.lr0 = 0.001;
  train();
  EXPECT_EQ(notes_.find("optimizer auto"), std::string::npos) << notes_;
}

TEST_F(Training, MemoryThatTheSystemRefusesIsKnownAsSuch) {
  try {
    torch::empty({std::int64_t{1} << 50}, torch::kUInt8);
    FAIL() << "a pebibyte of memory";
  } catch (const std::exception& error) {
    EXPECT_TRUE(says_out_of_memory(error)) << error.what();
  }
  EXPECT_TRUE(says_out_of_memory(std::runtime_error("could not create a primitive")));  // oneDNN
  EXPECT_FALSE(says_out_of_memory(std::runtime_error("sizes of tensors must match")));
}

TEST_F(Training, WithOtherImagesTheScheduleGoesOnWhereItWas) {
  TrainOptions options = request_.options;
  options.epochs = 4, options.batch = 4, options.warmup_epochs = 0, options.optimizer = "adamw";
  const Network network = load_network("goshawk-n", 1);
  const Compute compute{torch::kCPU, std::nullopt};
  Peers alone;
  Learner before(std::make_shared<DetectionNetwork>(network), options, 8, compute, alone);
  Checkpoint checkpoint;
  before.store(checkpoint, true);
  checkpoint.standing.epochs_done = 2;
  std::vector<double> rates;
  for (const int images : {8, 4, 40}) {
    Learner after(std::make_shared<DetectionNetwork>(network), options, images, compute, alone);
    after.go_on_from(checkpoint);
    rates.push_back(after.rates().weights);
  }
  EXPECT_LT(rates[0], options.lr0);
  EXPECT_EQ(rates, std::vector<double>(3, rates[0]));
}

TEST_F(Training, NotEvenOneImageFits) {
  request_.options.imgsz = 512;  // one picture alone is 3 MiB
  const SmallMemory memory(2UL << 20);
  const auto text = text_of_error([&] { train(); }, ErrorCode::kUnavailable);
  EXPECT_NE(text.find("not enough memory even for a batch of one image"), std::string::npos) << text;
  EXPECT_NE(notes_.find("going on with 1 images"), std::string::npos) << notes_;
}

TEST_F(Training, SizesVary) {
  request_.options.multi_scale = 0.5;
  request_.options.batch = 4;
  EXPECT_EQ(train().epochs_done, 1);
  EXPECT_EQ(read_checkpoint(folder_ / "weights" / "last.safetensors").options.multi_scale, 0.5);
}

TEST_F(Training, AFloat16StepIsMadeOrHalvesTheScale) {
  request_.options.amp = true;
  request_.options.half = "float16";
  EXPECT_EQ(train().epochs_done, 1);
  const auto checkpoint = read_checkpoint(folder_ / "weights" / "last.safetensors");
  EXPECT_EQ(checkpoint.loss_scale, checkpoint.optimizer_steps == 1 ? 65536 : 32768);
}

TEST_F(Training, TheBatchIsFoundByItself) {
  request_.options.batch = 0;
  EXPECT_EQ(train().epochs_done, 1);
  EXPECT_EQ(batch_, 8) << "no more than there are";
  EXPECT_NE(notes_.find("a batch of 8 images fits"), std::string::npos) << notes_;
}

TEST_F(Training, APictureThatCannotBeReadIsListedAndLeftOut) {
  folder_.write("5.png", "no picture");
  const auto outcome = train();
  ASSERT_EQ(outcome.unreadable.size(), 1U);
  EXPECT_NE(outcome.unreadable[0].find("5.png"), std::string::npos);
  EXPECT_NE(notes_.find("left out: "), std::string::npos);
  EXPECT_TRUE(fs::exists(folder_ / "unreadable.txt"));
}

}  // namespace
}  // namespace goshawk::train
