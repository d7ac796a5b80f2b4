#include "goshawk/pipeline/track_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <opencv2/imgproc.hpp>
#include <sstream>
#include <thread>

#include "goshawk/core/error.h"

namespace goshawk::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr int kWidth = 161, kHeight = 91;  // odd on purpose

/// Where the one moving square of the test scene is in a frame.
Box square_at(std::int64_t frame) {
  const auto x = static_cast<float>(10 + frame % 100);
  return {x, 30, x + 24, 54};
}

/// A square that moves to the right on grey; fails or stops where the test wants it.
class SceneSource : public media::Source {
 public:
  explicit SceneSource(std::int64_t frames) : frames_(frames) {
    info_.name = "scene";
    info_.width = kWidth;
    info_.height = kHeight;
    info_.frame_rate = 25;
    info_.frames = frames;
  }
  const media::SourceInfo& info() const override { return info_; }
  std::optional<Frame> read(std::stop_token stop) override {
    if (stop.stop_requested() || next_ == frames_) return std::nullopt;
    if (next_ == fails_at) throw Error(ErrorCode::kUnavailable, "the camera fell silent", "scene");
    std::this_thread::sleep_for(pause);
    Frame frame;
    frame.image = cv::Mat(size, CV_8UC3, cv::Scalar::all(grey));
    const Box box = square_at(next_);
    cv::rectangle(frame.image, cv::Rect(static_cast<int>(box.x1), 30, 24, 24), cv::Scalar::all(250), cv::FILLED);
    frame.index = next_;
    frame.pts = Microseconds(next_ * 40'000);
    ++next_;
    return frame;
  }
  media::SourceInfo info_;
  std::int64_t fails_at = -1;
  cv::Size size{kWidth, kHeight};
  int grey = 90;
  std::chrono::milliseconds pause{0};

 private:
  std::int64_t frames_;
  std::int64_t next_ = 0;
};

/// Finds the bright square by thresholding.
class SquareDetector : public detect::Detector {
 public:
  SquareDetector() { recipe_.class_names = {"square"}; }
  std::vector<Detections> detect(std::span<const cv::Mat> images) override {
    calls.push_back(images.size());
    if (fails) throw Error(ErrorCode::kInternal, "inference failed");
    std::this_thread::sleep_for(pause);
    std::vector<Detections> all;
    for (const auto& image : images) {
      cv::Mat gray, points;
      cv::cvtColor(image, gray, cv::COLOR_BGR2GRAY);
      cv::findNonZero(gray > 200, points);
      const cv::Rect found = cv::boundingRect(points);
      Detection detection;
      detection.box = {static_cast<float>(found.x), static_cast<float>(found.y), static_cast<float>(found.x + found.width),
                       static_cast<float>(found.y + found.height)};
      detection.score = 0.9F;
      all.push_back({detection});
    }
    return all;
  }
  const Recipe& recipe() const override { return recipe_; }
  const runtime::Session& session() const override { throw std::logic_error("no session in this test"); }
  const detect::DetectorTimings& timings() const override { return timings_; }
  std::vector<std::size_t> calls;
  bool fails = false;
  std::chrono::milliseconds pause{0};

 private:
  Recipe recipe_;
  detect::DetectorTimings timings_;
};

class TrackRunTest : public testing::Test {
 protected:
  TrackRunTest() : folder_(fs::path(testing::TempDir()) / ("goshawk_track_run_" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
    options_.tracker = track::tracker_by_name("bytetrack");
  }
  ~TrackRunTest() override { fs::remove_all(folder_); }

  TrackSummary run(std::stop_token stop = {}, std::function<void(std::int64_t)> progress = {}) {
    return track_source(source_, {detector_}, options_, folder_, "scene.mp4", stop, progress);
  }
  std::vector<nlohmann::json> jsonl() const {
    std::ifstream in(folder_ / "tracks.jsonl");
    std::vector<nlohmann::json> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
  SceneSource source_{60};
  SquareDetector detector_;
  TrackRunOptions options_;
};

TEST_F(TrackRunTest, WritesEachFrameInOrderWithOneTrack) {
  const TrackSummary summary = run();
  EXPECT_EQ(summary.frames, 60);
  EXPECT_EQ(summary.detections, 60);
  ASSERT_EQ(summary.classes.size(), 1U);
  EXPECT_EQ(summary.classes[0].name, "square");
  EXPECT_EQ(summary.classes[0].tracks, 1);
  EXPECT_EQ(summary.classes[0].max_length, 60);
  const auto lines = jsonl();
  ASSERT_EQ(lines.size(), 60U);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i]["frame"], i);
    EXPECT_NEAR(lines[i]["time"].get<double>(), 0.04 * static_cast<double>(i), 1e-6);
    ASSERT_EQ(lines[i]["tracks"].size(), 1U);
    EXPECT_NEAR(lines[i]["tracks"][0]["box"][0].get<float>(), square_at(static_cast<std::int64_t>(i)).x1, 3);
  }
  EXPECT_TRUE(fs::exists(folder_ / "scene.mp4"));
  EXPECT_EQ(files(), 4U);
}

TEST_F(TrackRunTest, BatchesGiveTheSameTracks) {
  options_.batch = 8;
  run();
  EXPECT_THAT(detector_.calls, testing::ElementsAre(8, 8, 8, 8, 8, 8, 8, 4));
  EXPECT_EQ(jsonl().size(), 60U);
}

TEST_F(TrackRunTest, SkippedFramesArePredictedAndStillWritten) {
  options_.detect_every = 3;
  const TrackSummary summary = run();
  EXPECT_EQ(summary.frames, 60);
  EXPECT_EQ(summary.detected_frames, 20);
  const auto lines = jsonl();
  ASSERT_EQ(lines.size(), 60U);
  for (std::size_t i = 20; i < lines.size(); ++i) {
    ASSERT_EQ(lines[i]["tracks"].size(), 1U) << "frame " << i;
    EXPECT_EQ(lines[i]["tracks"][0]["predicted"].get<bool>(), i % 3 != 0);
    EXPECT_NEAR(lines[i]["tracks"][0]["box"][0].get<float>(), square_at(static_cast<std::int64_t>(i)).x1, 3)
        << "frame " << i;
  }
}

TEST_F(TrackRunTest, FramesBetweenDetectionsAreNotHoarded) {
  options_.batch = 8;
  options_.detect_every = 50;
  run();
  EXPECT_THAT(detector_.calls, testing::ElementsAre(1, 1)) << "frames 0 and 50, without waiting for six more";
  EXPECT_EQ(jsonl().size(), 60U);
}

TEST_F(TrackRunTest, NoFrameAtAllIsAnErrorAndLeavesNothing) {
  source_ = SceneSource(0);
  EXPECT_THROW(run(), Error);
  EXPECT_EQ(files(), 0U);
}

TEST_F(TrackRunTest, AStopFinishesTheFilesProperly) {
  std::stop_source stop;
  source_.pause = std::chrono::milliseconds(2);
  const TrackSummary summary = run(stop.get_token(), [&](std::int64_t done) {
    if (done == 10) stop.request_stop();
  });
  EXPECT_TRUE(summary.interrupted);
  EXPECT_GE(summary.frames, 10);
  EXPECT_LT(summary.frames, 60);
  EXPECT_EQ(jsonl().size(), static_cast<std::size_t>(summary.frames));
  EXPECT_TRUE(fs::exists(folder_ / "scene.mp4"));
}

TEST_F(TrackRunTest, ASourceThatFailsInTheMiddleKeepsWhatCameBefore) {
  source_.fails_at = 25;
  const TrackSummary summary = run();
  EXPECT_EQ(summary.frames, 25);
  ASSERT_TRUE(summary.source_error);
  EXPECT_EQ(summary.source_error->code(), ErrorCode::kUnavailable);
  EXPECT_EQ(jsonl().size(), 25U);
}

TEST_F(TrackRunTest, ADetectorThatFailsLeavesNothingBehind) {
  detector_.fails = true;
  EXPECT_THROW(run(), Error);
  EXPECT_EQ(files(), 0U);
}

TEST_F(TrackRunTest, ALiveSourceDropsTheOldestFramesAndCountsThem) {
  source_.info_.live = true;
  source_.pause = std::chrono::milliseconds(1);
  detector_.pause = std::chrono::milliseconds(15);
  options_.video = false;
  const TrackSummary summary = run();
  EXPECT_GT(summary.dropped_frames, 0U);
  EXPECT_EQ(summary.frames + static_cast<std::int64_t>(summary.dropped_frames), 60);
  EXPECT_EQ(jsonl().back()["frame"], 59) << "the newest frame must come through";
}

TEST_F(TrackRunTest, ZonesAndBoxesStayInTheSourcesPixelsWhereFramesAreScaledDown) {
  options_.resize = 0.5;
  options_.zones = {track::parse_line("gate:50,10,50,85", 1), track::parse_line("far:150,10,150,85", 2)};
  options_.signals = {track::parse_signal_target("track:1")};
  const TrackSummary summary = run();
  const auto lines = jsonl();
  ASSERT_EQ(lines.size(), 60U);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    ASSERT_EQ(lines[i]["tracks"].size(), 1U) << i;
    const Box expected = square_at(static_cast<std::int64_t>(i));
    EXPECT_NEAR(lines[i]["tracks"][0]["box"][0].get<float>(), expected.x1, 4) << i;
    EXPECT_NEAR(lines[i]["tracks"][0]["box"][3].get<float>(), expected.y2, 4) << i;
  }
  ASSERT_EQ(summary.zones.size(), 2U);
  EXPECT_EQ(summary.zones[0].total().in, 1) << "the square goes from x = 10 to x = 69";
  EXPECT_EQ(summary.zones[1].total().in, 0);
  std::ifstream csv(folder_ / "track-1.csv");
  std::string line, last;
  while (std::getline(csv, line)) last = line;
  EXPECT_NEAR(std::stod(last.substr(last.find(',') + 1)), 81, 4) << last;
}

TEST_F(TrackRunTest, FramesOfAFewPixelsAreScaledDownToOneAtLeast) {
  source_.size = {5, 4};
  source_.grey = 250;
  options_.resize = 0.1;
  options_.video = false;
  run();
  const auto lines = jsonl();
  ASSERT_EQ(lines.size(), 60U);
  EXPECT_EQ(lines[0]["tracks"][0]["box"], (std::vector<double>{0, 0, 5, 4}));
}

TEST_F(TrackRunTest, TextFilesAgreeWithEachOther) {
  run();
  std::ifstream csv(folder_ / "tracks.csv"), mot(folder_ / "mot.txt");
  std::string line;
  std::getline(csv, line);
  EXPECT_EQ(line, "x_min,y_min,x_max,y_max,class_id,confidence,tracker_id,class_name,frame_index,time");
  for (const auto& frame : jsonl()) {
    for (const auto& track : frame["tracks"]) {
      ASSERT_TRUE(std::getline(csv, line));
      EXPECT_THAT(line, testing::HasSubstr(",square," + std::to_string(frame["frame"].get<int>()) + ","));
      ASSERT_TRUE(std::getline(mot, line));
      EXPECT_THAT(line, testing::StartsWith(std::to_string(frame["frame"].get<int>() + 1) + "," +
                                            std::to_string(track["id"].get<int>()) + ","));
      std::istringstream cells(line);
      std::vector<double> values;
      for (std::string cell; std::getline(cells, cell, ',');) values.push_back(std::stod(cell));
      const auto box = track["box"].get<std::vector<double>>();
      EXPECT_NEAR(values.at(2), box[0] + 1, 0.011) << "the Challenge counts pixels from 1";
      EXPECT_NEAR(values.at(3), box[1] + 1, 0.011);
      EXPECT_NEAR(values.at(4), box[2] - box[0], 0.011);
      EXPECT_NEAR(values.at(5), box[3] - box[1], 0.011);
    }
  }
  EXPECT_FALSE(std::getline(csv, line));
}

}  // namespace
}  // namespace goshawk::pipeline
