#include "goshawk/train/run_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/train/checkpoint.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;

class RunFiles : public testing::Test {
 protected:
  RunFiles() : folder_(fs::temp_directory_path() / ("goshawk-run-files-" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~RunFiles() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST(Crc32c, IsThatOfTheStandard) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);            // the check value of CRC-32C
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
}

TEST_F(RunFiles, RowsBeyondTheCheckpointAreDropped) {
  {
    ResultLog log(folder_, 0);
    log.add(1, 1.5, {{"a", 1}, {"b", 0.25}});
    log.add(2, 3, {{"a", 2}, {"b", 0.5}});
    log.add(3, 4.5, {{"a", 3}, {"b", 0.75}});
  }
  ResultLog log(folder_, 2);
  EXPECT_EQ(log.seconds_before(), 3);
  log.add(3, 5, {{"a", 4}, {"b", 1}});
  EXPECT_EQ(read_file(folder_ / "results.csv"), "epoch,time,a,b\n1,1.5,1,0.25\n2,3,2,0.5\n3,5,4,1\n");
}

TEST_F(RunFiles, PlotsAreDrawn) {
  ResultLog log(folder_, 0);
  for (int epoch = 1; epoch <= 5; ++epoch) {
    log.add(epoch, epoch, {{"train/box_loss", 5.0 / epoch}, {"metrics/mAP50(B)", epoch * 0.1}});
  }
  log.write_plots();
  for (const char* name : {"losses.png", "metrics.png"}) EXPECT_EQ(read_file(folder_ / name).substr(1, 3), "PNG") << name;
}

TEST_F(RunFiles, EventRecordsAreFramed) {
  {
    EventFile events(folder_);
    events.scalar("loss", 0.5, 7);
  }
  const std::string bytes = read_file(fs::directory_iterator(folder_)->path());
  std::size_t place = 0, records = 0;
  while (place < bytes.size()) {
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data() + place, 8);
    place += 8 + 4 + length + 4;
    ++records;
  }
  EXPECT_EQ(place, bytes.size());
  EXPECT_EQ(records, 2U);
  EXPECT_NE(bytes.find("brain.Event:2"), std::string::npos);
}

class CheckpointFile : public RunFiles {
 protected:
  CheckpointFile() : path_(folder_ / "last.safetensors") {
    checkpoint_.options.epochs = 7;
    checkpoint_.options.augment.hsv_h = 0.1;
    checkpoint_.classes = {"a", "b"};
    checkpoint_.network = description_text(load_network("goshawk-n", 2));
    checkpoint_.standing.epochs_done = 3;
    checkpoint_.standing.best_fitness = 0.1 + 0.2;
    checkpoint_.tensors["model.x"] = {StoredType::kFloat32, {2}, std::string(8, 'x')};
    write_checkpoint(path_, checkpoint_);
  }
  std::string failure() const {
    try {
      read_checkpoint(path_);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadData);
      return error.what();
    }
    return "";
  }
  fs::path path_;
  Checkpoint checkpoint_;
};

TEST_F(CheckpointFile, ComesBack) {
  const auto back = read_checkpoint(path_);
  EXPECT_EQ(back.options, checkpoint_.options);
  EXPECT_EQ(back.classes, checkpoint_.classes);
  EXPECT_EQ(back.network, checkpoint_.network);
  EXPECT_EQ(back.standing.epochs_done, 3);
  EXPECT_EQ(back.standing.best_fitness, checkpoint_.standing.best_fitness);  // every bit of it
  EXPECT_EQ(back.tensors.size(), 1U);
  EXPECT_EQ(back.tensors.at("model.x").bytes, std::string(8, 'x'));
}

TEST_F(CheckpointFile, DamageAnywhereIsFound) {
  const std::string whole = read_file(path_);
  for (std::size_t at = 0; at < whole.size(); at += 7) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x04);
    write_file_atomically(path_, bytes);
    // Spaces that fill up the header, and the version in its metadata, say nothing.
    if (failure().empty()) {
      const auto back = read_checkpoint(path_);
      EXPECT_EQ(back.options, checkpoint_.options) << at;
      EXPECT_TRUE(back.tensors.size() == 1 && back.tensors.begin()->second.bytes == std::string(8, 'x')) << at;
    }
  }
  write_file_atomically(path_, whole.substr(0, whole.size() / 2));
  EXPECT_FALSE(failure().empty());
}

TEST_F(CheckpointFile, OtherTensorsAreNoCheckpoint) {
  write_safetensors(path_, {{{"x", {StoredType::kFloat32, {1}, std::string(4, 'x')}}}, {}});
  EXPECT_NE(failure().find("no checkpoint"), std::string::npos);
}

TEST(DescriptionText, TellsNetworksApart) {
  EXPECT_NE(description_text(load_network("goshawk-n", 2)), description_text(load_network("goshawk-n", 3)));
  EXPECT_NE(description_text(load_network("goshawk-n", 2)), description_text(load_network("goshawk-s", 2)));
}

TEST(Options, ComeBackFromJson) {
  TrainOptions options;
  options.model = "my.yaml";
  options.lr0 = 0.003;
  options.amp = false;
  options.augment.mosaic = 0.5;
  EXPECT_EQ(options_from_json(nlohmann::json::parse(to_json(options).dump()), "x"), options);
  EXPECT_THROW(options_from_json({{"lr1", 1}}, "x"), Error);
  EXPECT_THROW(options_from_json({{"lr0", "much"}}, "x"), Error);
}

TEST(Options, AutoFollowsTheLengthOfTheTraining) {
  TrainOptions options;
  options.epochs = 100;
  EXPECT_EQ(settled(options, 128, 80).optimizer, "adamw");
  EXPECT_NEAR(settled(options, 128, 6).lr0, 0.001, 1e-9);
  EXPECT_EQ(settled(options, 118'000, 80).optimizer, "sgd");
  EXPECT_EQ(settled(options, 118'000, 80).warmup_bias_lr, 0) << "as Ultralytics 8.4's auto";
  options.optimizer = "sgd";
  options.lr0 = 0.02;
  EXPECT_EQ(settled(options, 128, 80), options);
}

}  // namespace
}  // namespace goshawk::train
