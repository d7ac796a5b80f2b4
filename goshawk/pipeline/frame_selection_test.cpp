#include "goshawk/pipeline/frame_selection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <opencv2/core.hpp>
#include <set>

namespace goshawk::pipeline {
namespace {

using namespace std::chrono_literals;

std::vector<std::int64_t> chosen_of(const FrameSelection& selection, const std::vector<Microseconds>& times) {
  FrameChooser chooser(selection, static_cast<std::int64_t>(times.size()));
  std::vector<std::int64_t> chosen;
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (chooser.wants(static_cast<std::int64_t>(i), times[i])) chosen.push_back(static_cast<std::int64_t>(i));
  }
  return chosen;
}

std::vector<Microseconds> steady(int count, Microseconds step) {
  std::vector<Microseconds> times;
  for (int i = 0; i < count; ++i) times.push_back(i * step);
  return times;
}

TEST(FrameSelection, EveryNthBeginsWithTheFirst) {
  EXPECT_EQ(chosen_of(EveryFrames{3}, steady(8, 40ms)), (std::vector<std::int64_t>{0, 3, 6}));
  EXPECT_EQ(chosen_of(EveryFrames{1}, steady(3, 40ms)), (std::vector<std::int64_t>{0, 1, 2}));
}

TEST(FrameSelection, AnIntervalTakesTheFirstFrameAtOrAfterEachMultiple) {
  EXPECT_EQ(chosen_of(EveryInterval{100ms}, steady(10, 40ms)), (std::vector<std::int64_t>{0, 3, 5, 8}));  // 0 120 200 320
  EXPECT_EQ(chosen_of(EveryInterval{80ms}, steady(6, 40ms)), (std::vector<std::int64_t>{0, 2, 4}));
}

TEST(FrameSelection, AGapInTimeGivesOneFrame) {
  EXPECT_EQ(chosen_of(EveryInterval{1s}, {0s, 500ms, 7'300ms, 7'900ms, 8s, 8'100ms}), (std::vector<std::int64_t>{0, 2, 4}));
}

TEST(FrameSelection, FramesThatWereLeftOutChangeNothing) {
  FrameChooser chooser(RandomFrames{5, 3}, 100);
  const auto all = choose_random(100, 5, 3);
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = all[1]; i < 100; ++i) {  // as after a seek
    if (chooser.wants(i, Microseconds(i))) chosen.push_back(i);
  }
  EXPECT_EQ(chosen, std::vector<std::int64_t>(all.begin() + 1, all.end()));
  EXPECT_TRUE(chooser.done());
}

TEST(FrameSelection, RandomIsRepeatableAndAscending) {
  const auto chosen = choose_random(1000, 50, 42);
  EXPECT_EQ(chosen.size(), 50U);
  EXPECT_TRUE(std::is_sorted(chosen.begin(), chosen.end()));
  EXPECT_EQ(std::set<std::int64_t>(chosen.begin(), chosen.end()).size(), 50U);
  EXPECT_EQ(chosen, choose_random(1000, 50, 42));
  EXPECT_NE(chosen, choose_random(1000, 50, 43));
  // Kept: a seed must mean the same in every version and on every machine.
  EXPECT_EQ(choose_random(100, 5, 1), (std::vector<std::int64_t>{29, 44, 61, 64, 65}));
}

TEST(FrameSelection, RandomOfFewerGivesAll) {
  EXPECT_EQ(choose_random(3, 10, 1), (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_TRUE(choose_random(0, 10, 1).empty());
}

TEST(FrameSelection, EachSetIsEquallyLikely) {
  std::map<std::vector<std::int64_t>, int> counts;
  constexpr int kRounds = 20'000;
  for (int seed = 0; seed < kRounds; ++seed) ++counts[choose_random(6, 3, static_cast<std::uint64_t>(seed))];
  ASSERT_EQ(counts.size(), 20U);  // 6 over 3
  for (const auto& [set, count] : counts) EXPECT_NEAR(count, kRounds / 20, 160) << set.front();
}

TEST(PictureChange, IsInPercentOfTheFullRange) {
  const cv::Mat black(37, 51, CV_8UC3, cv::Scalar::all(0)), white(37, 51, CV_8UC3, cv::Scalar::all(255));
  EXPECT_DOUBLE_EQ(picture_change(thumbnail(black), thumbnail(white)), 100);
  EXPECT_DOUBLE_EQ(picture_change(thumbnail(white), thumbnail(white)), 0);
  cv::Mat half = black.clone();
  half(cv::Rect(0, 0, 51, 18)).setTo(cv::Scalar::all(255));
  EXPECT_NEAR(picture_change(thumbnail(black), thumbnail(half)), 100.0 * 18 / 37, 0.5);
}

cv::Mat picture(int seed) {
  cv::Mat image(64, 64, CV_8UC3);
  cv::RNG rng(static_cast<std::uint64_t>(seed));
  rng.fill(image, cv::RNG::UNIFORM, 0, 255);
  return image;
}

TEST(SceneDetector, FindsCutsAndNothingInSteadyMotion) {
  SceneDetector detector(10);
  std::vector<int> found;
  for (int i = 0; i < 30; ++i) {
    const cv::Mat image = i < 20 ? cv::Mat(64, 64, CV_8UC3, cv::Scalar::all(5.0 * i)) : picture(1);  // fades in, then a cut
    if (detector.begins_scene(thumbnail(image))) found.push_back(i);
  }
  EXPECT_EQ(found, (std::vector<int>{0, 20}));
}

}  // namespace
}  // namespace goshawk::pipeline
