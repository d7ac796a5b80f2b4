#include "goshawk/media/video_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <opencv2/imgproc.hpp>

#include "goshawk/core/error.h"
#include "goshawk/media/capabilities.h"
#include "goshawk/media/testing.h"

namespace goshawk::media {
namespace {

using testing::ffprobe_times;
using testing::read_all;
using testing::read_bytes;
using testing::run_program;
using testing::split_words;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

/// A smooth picture with a moving disc.
cv::Mat picture(int width, int height, int number) {
  cv::Mat image(height, width, CV_8UC3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.at<cv::Vec3b>(y, x) = cv::Vec3b(static_cast<uchar>(x * 255 / width), static_cast<uchar>(y * 255 / height), 90);
    }
  }
  cv::circle(image, {width / 4 + number, height / 2}, height / 5, {40, 60, 220}, cv::FILLED);
  return image;
}

VideoWriterOptions options_for(int width, int height) {
  VideoWriterOptions options;
  options.width = width;
  options.height = height;
  options.threads = 1;
  return options;
}

std::size_t files_in(const TemporaryFolder& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder.path()), {}));
}

TEST(VideoWriter, KeepsIrregularTimes) {
  const TemporaryFolder folder;
  const std::vector<Microseconds> times{0us, 33'367us, 66'733us, 100'000us, 500'000us, 512'345us, 2'000'000us};
  VideoWriter writer(folder / "a.mp4", options_for(64, 48));
  for (std::size_t i = 0; i < times.size(); ++i) writer.write(picture(64, 48, static_cast<int>(i)), times[i]);
  writer.finish();
  const auto written = ffprobe_times(folder / "a.mp4");
  ASSERT_EQ(written.size(), times.size());
  for (std::size_t i = 0; i < times.size(); ++i) {
    EXPECT_NEAR(written[i] - written[0], static_cast<double>(times[i].count()) / 1e6, 0.6 / 90'000) << i;
  }
  EXPECT_EQ(files_in(folder), 1U);
}

TEST(VideoWriter, StartsAtZeroAndMovesTimesThatDoNotGrow) {
  const TemporaryFolder folder;
  VideoWriter writer(folder / "a.mp4", options_for(64, 48));
  for (const auto time : {10s, 11s, 11s, 5s, 12s}) writer.write(picture(64, 48, 0), time);
  writer.finish();
  const auto written = ffprobe_times(folder / "a.mp4");
  ASSERT_EQ(written.size(), 5U);
  EXPECT_EQ(written[0], 0);
  EXPECT_NEAR(written[1], 1, 1e-4);
  EXPECT_NEAR(written[3], 1, 1e-4);
  EXPECT_GT(written[3], written[2]);
  EXPECT_NEAR(written[4], 2, 1e-4);
}

TEST(VideoWriter, MakesWhatBrowsersPlay) {
  const TemporaryFolder folder;
  const auto path = folder / "a.mp4";
  VideoWriter writer(path, options_for(64, 48));
  for (int i = 0; i < 30; ++i) writer.write(picture(64, 48, i), i * 40ms);
  writer.finish();
  const auto stream =
      run_program({"ffprobe", "-v", "quiet", "-show_entries",
                   "stream=codec_name,pix_fmt,color_range,color_space,color_primaries,color_transfer,duration", "-of",
                   "default=nk=1:nw=1", path.string()});
  const auto expected = writer.encoder() == "libx264" ? "h264" : stream.substr(0, stream.find('\n'));
  EXPECT_THAT(split_words(stream), ::testing::ElementsAre(expected, "yuv420p", "tv", "bt709", "bt709", "bt709", "1.200000"));
  const auto bytes = read_bytes(path);
  EXPECT_LT(bytes.find("moov"), bytes.find("mdat"));  // the index comes first
}

TEST(VideoWriter, KeepsColoursAndPadsOddSizesWithTheEdge) {
  const TemporaryFolder folder;
  const auto path = folder / "a.mp4";
  auto options = options_for(161, 91);
  options.quality = 5;
  VideoWriter writer(path, options);
  const auto image = picture(161, 91, 0);
  for (int i = 0; i < 5; ++i) writer.write(image, i * 40ms);
  writer.finish();
  const auto frames = read_all(path);
  ASSERT_EQ(frames.size(), 5U);
  ASSERT_EQ(frames[4].image.size(), cv::Size(162, 92));
  cv::Mat padded;
  cv::copyMakeBorder(image, padded, 0, 1, 0, 1, cv::BORDER_REPLICATE);
  EXPECT_LT(cv::norm(frames[4].image, padded, cv::NORM_L1) / (162 * 92 * 3), 2.5);
  // Reading is one step darker than exact, as ffmpeg's fast conversion is; writing adds nothing to that.
  const auto mean = cv::mean(frames[4].image), expected = cv::mean(padded);
  for (int channel = 0; channel < 3; ++channel) EXPECT_NEAR(mean[channel], expected[channel], 1.5) << channel;
}

TEST(VideoWriter, LeavesNothingWhenItIsNotFinished) {
  const TemporaryFolder folder;
  {
    VideoWriter writer(folder / "a.mp4", options_for(64, 48));
    writer.write(picture(64, 48, 0), 0us);
    EXPECT_EQ(files_in(folder), 1U);
    EXPECT_FALSE(std::filesystem::exists(folder / "a.mp4"));
  }
  EXPECT_EQ(files_in(folder), 0U);
}

TEST(VideoWriter, OnAFullDiskIsAnErrorAndLeavesNothing) {
  const TemporaryFolder folder;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);  // writing then fails with EFBIG
  rlimit small = before;
  small.rlim_cur = 20'000;
  ::setrlimit(RLIMIT_FSIZE, &small);
  ErrorCode code = ErrorCode::kInternal;
  try {
    auto options = options_for(320, 240);
    options.quality = 1;
    VideoWriter writer(folder / "a.mp4", options);
    cv::Mat noise(240, 320, CV_8UC3);
    for (int i = 0; i < 60; ++i) {
      cv::randu(noise, 0, 255);
      writer.write(noise, i * 40ms);
    }
    writer.finish();
  } catch (const Error& error) {
    code = error.code();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(code, ErrorCode::kIo);
  EXPECT_EQ(files_in(folder), 0U);
}

TEST(VideoWriter, SaysWhatIsWrongWithItsOptions) {
  const TemporaryFolder folder;
  const auto code_of = [&](const VideoWriterOptions& options, const std::filesystem::path& path) {
    try {
      const VideoWriter writer(path, options);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  };
  auto options = options_for(64, 48);
  EXPECT_EQ(code_of(options, folder / "missing/a.mp4"), ErrorCode::kIo);
  options.encoder = "libx265000";
  EXPECT_EQ(code_of(options, folder / "a.mp4"), ErrorCode::kUnavailable);
  options.encoder = "rawvideo";  // which MP4 cannot hold
  EXPECT_EQ(code_of(options, folder / "a.mp4"), ErrorCode::kUnavailable);
  options = options_for(64, 48);
  options.preset = "veryfats";
  EXPECT_EQ(code_of(options, folder / "a.mp4"), ErrorCode::kUsage);
  EXPECT_EQ(code_of(options_for(0, 48), folder / "a.mp4"), ErrorCode::kBadData);
  EXPECT_EQ(files_in(folder), 0U);
}

TEST(VideoWriter, WritesWithEachEncoderThatIsThere) {
  const TemporaryFolder folder;
  for (const std::string encoder : {"libx264", "libopenh264", "mpeg4"}) {
    auto options = options_for(64, 48);
    options.encoder = encoder;
    try {
      VideoWriter writer(folder / (encoder + ".mp4"), options);
      EXPECT_EQ(writer.encoder(), encoder);
      for (int i = 0; i < 10; ++i) writer.write(picture(64, 48, i), i * 33'367us);
      writer.finish();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnavailable) << error.describe();
      continue;
    }
    const auto times = ffprobe_times(folder / (encoder + ".mp4"));
    ASSERT_EQ(times.size(), 10U) << encoder;
    for (std::size_t i = 0; i < 10; ++i) EXPECT_NEAR(times[i], static_cast<double>(i) * 0.033367, 2e-5) << encoder;
  }
}

TEST(VideoWriter, TakesTheEncoderThatCapabilitiesName) {
  const TemporaryFolder folder;
  const VideoWriter writer(folder / "a.mp4", options_for(64, 48));
  EXPECT_EQ(capabilities().encoder, writer.encoder());
}

}  // namespace
}  // namespace goshawk::media
