#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "goshawk/core/error.h"
#include "goshawk/core/testing.h"
#include "goshawk/media/source.h"
#include "goshawk/media/testing.h"

namespace goshawk::media {
namespace {

using testing::ffmpeg;
using testing::ffmpeg_pictures;
using testing::ffprobe_times;
using testing::largest_difference;
using testing::read_all;
using testing::read_bytes;
using testing::seconds_of;
using testing::TemporaryFolder;
using testing::write_bytes;
using namespace std::chrono_literals;

/// One way of making a clip.
struct Clip {
  std::string label;
  std::string arguments;  // of ffmpeg
  std::string file;
};

void PrintTo(const Clip& clip, std::ostream* out) { *out << clip.label; }

constexpr const char* kPattern = "-f lavfi -i testsrc2=size=160x90:rate=25:duration=2 ";
constexpr const char* kSmallX264 = "-c:v libx264 -preset veryfast -pix_fmt yuv420p -threads 1 ";

class EveryClip : public ::testing::TestWithParam<Clip> {
 protected:
  void SetUp() override {
    path_ = folder_ / GetParam().file;
    ffmpeg(GetParam().arguments, path_);
  }

  void expect_frames_and_times(int threads) const {
    const auto expected = ffprobe_times(path_);
    ASSERT_FALSE(expected.empty());
    SourceOptions options;
    options.threads = threads;
    const auto frames = read_all(path_, options);
    ASSERT_EQ(frames.size(), expected.size()) << "threads " << threads;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      EXPECT_EQ(frames[i].index, static_cast<std::int64_t>(i));
      if (std::isnan(expected[i])) continue;  // raw streams have no times; ours follow from the frame rate
      EXPECT_NEAR(seconds_of(frames[i]) - seconds_of(frames[0]), expected[i] - expected[0], 2e-6) << "frame " << i;
    }
  }

  void expect_pixels() const {
    auto source = open_source(path_.string());
    const auto expected = ffmpeg_pictures(path_, {source->info().width, source->info().height});
    const auto frames = read_all(*source);
    ASSERT_EQ(frames.size(), expected.size());
    for (std::size_t i = 0; i < frames.size(); ++i) {
      ASSERT_EQ(largest_difference(frames[i].image, expected[i]), 0) << "frame " << i;
    }
  }

  void expect_part_from(Microseconds start) const {
    std::vector<Frame> expected;
    for (const auto& frame : read_all(path_)) {
      if (frame.pts >= start) expected.push_back(frame);
    }
    SourceOptions options;
    options.start = start;
    const auto part = read_all(path_, options);
    ASSERT_EQ(part.size(), expected.size()) << start.count();
    for (std::size_t i = 0; i < part.size(); ++i) {
      EXPECT_EQ(part[i].pts, expected[i].pts) << "start " << start.count() << ", frame " << i;
      EXPECT_EQ(largest_difference(part[i].image, expected[i].image), 0) << "start " << start.count() << ", frame " << i;
    }
  }

  TemporaryFolder folder_;
  std::filesystem::path path_;
};

// One test, as making a clip takes longer than all of the checks.
TEST_P(EveryClip, HasTheFramesTimesAndPixelsOfFfmpegAndStartsWhereAsked) {
  expect_frames_and_times(1);
  expect_frames_and_times(3);
  expect_pixels();
  for (const auto start : {300ms, 1000ms, 1900ms}) expect_part_from(start);
}

INSTANTIATE_TEST_SUITE_P(
    Media, EveryClip,
    ::testing::Values(
        Clip{"mp4_b_frames", std::string(kPattern) + kSmallX264 + "-bf 3 -g 12", "a.mp4"},
        Clip{"mov", std::string(kPattern) + kSmallX264, "a.mov"},
        Clip{"mkv", std::string(kPattern) + kSmallX264 + "-g 12", "a.mkv"},
        Clip{"ts", std::string(kPattern) + kSmallX264 + "-bf 2 -g 12", "a.ts"},
        Clip{"avi", std::string(kPattern) + "-c:v mpeg4 -g 12", "a.avi"},
        Clip{"webm", std::string(kPattern) + "-c:v libvpx -deadline realtime -g 12", "a.webm"},
        Clip{"mjpeg_full_range", std::string(kPattern) + "-c:v mjpeg -pix_fmt yuvj420p", "a.avi"},
        Clip{"full_range_h264", std::string(kPattern) + kSmallX264 + "-vf scale=out_range=full -color_range pc", "a.mp4"},
        Clip{"bt709", std::string(kPattern) + kSmallX264 + "-vf scale=out_color_matrix=bt709 -colorspace bt709", "a.mp4"},
        Clip{"ten_bits", std::string(kPattern) + "-c:v libx264 -preset veryfast -pix_fmt yuv420p10le", "a.mp4"},
        Clip{"yuv444", std::string(kPattern) + "-c:v libx264 -preset veryfast -pix_fmt yuv444p", "a.mp4"},
        Clip{"yuv422", std::string(kPattern) + "-c:v libx264 -preset veryfast -pix_fmt yuv422p", "a.mkv"},
        Clip{"gray", std::string(kPattern) + "-c:v ffv1 -pix_fmt gray", "a.mkv"},
        Clip{"alpha", std::string(kPattern) + "-c:v qtrle -pix_fmt argb", "a.mov"},
        Clip{"interlaced",
             "-f lavfi -i testsrc2=size=160x96:rate=25:duration=2 " + std::string(kSmallX264) + "-flags +ildct+ilme",
             "a.mp4"},
        Clip{"odd_size", "-f lavfi -i testsrc=size=161x91:rate=25:duration=2 -c:v libx264 -pix_fmt yuv444p", "a.mp4"},
        Clip{"odd_size_420", "-f lavfi -i testsrc=size=161x91:rate=25:duration=2 -c:v ffv1 -pix_fmt yuv420p", "a.mkv"},
        Clip{"narrow_420", "-f lavfi -i testsrc2=size=166x92:rate=25:duration=2 " + std::string(kSmallX264), "a.mp4"},
        Clip{"ntsc", "-f lavfi -i testsrc2=size=64x48:rate=30000/1001:duration=2 -c:v libx264 -pix_fmt yuv420p -bf 2",
             "a.mp4"},
        Clip{"negative_start", std::string(kPattern) + kSmallX264 + "-bf 3 -movflags +negative_cts_offsets", "a.mp4"},
        Clip{"variable_rate_mp4",
             std::string(kPattern) + "-vf setpts=N*N/25/20/TB -vsync vfr -frames:v 30 -c:v libx264 -pix_fmt yuv420p -g 8",
             "a.mp4"},
        Clip{"variable_rate_mkv",
             std::string(kPattern) + "-vf setpts=N*N/25/20/TB -vsync vfr -frames:v 30 -c:v libx264 -pix_fmt yuv420p -g 8",
             "a.mkv"},
        Clip{"with_sound", "-f lavfi -i sine=duration=3 " + std::string(kPattern) + kSmallX264 + "-c:a aac", "a.mp4"},
        Clip{"gif", "-f lavfi -i testsrc2=size=64x48:rate=10:duration=2", "a.gif"},
        Clip{"raw_h264", std::string(kPattern) + kSmallX264, "a.h264"}),
    [](const auto& clip) { return clip.param.label; });

class Video : public ::testing::Test {
 protected:
  std::filesystem::path clip(const std::string& arguments, const std::string& file) {
    ffmpeg(arguments, folder_ / file);
    return folder_ / file;
  }
  std::filesystem::path plain(const std::string& file = "plain.mp4") {
    return clip(std::string(kPattern) + kSmallX264 + "-g 10", file);
  }
  TemporaryFolder folder_;
};

ErrorCode code_of(const std::string& spec, const SourceOptions& options = {}) {
  try {
    read_all(*open_source(spec, options));
  } catch (const Error& error) {
    EXPECT_FALSE(std::string(error.what()).empty());
    EXPECT_FALSE(error.where().empty()) << error.describe();
    return error.code();
  }
  ADD_FAILURE() << "no error for " << spec;
  return ErrorCode::kInternal;
}

TEST_F(Video, IsTurnedUprightAsFfmpegDoes) {
  const auto path = plain();
  for (const int degrees : {90, 180, 270}) {
    const auto turned = folder_ / ("turned" + std::to_string(degrees) + ".mp4");
    // This tag of ffmpeg 5.1 counts counterclockwise when it is written.
    ffmpeg("-i " + path.string() + " -c copy -metadata:s:v rotate=" + std::to_string(360 - degrees), turned);
    auto source = open_source(turned.string());
    const cv::Size upright = degrees == 180 ? cv::Size(160, 90) : cv::Size(90, 160);
    EXPECT_EQ(source->info().rotation, degrees);
    EXPECT_EQ(cv::Size(source->info().width, source->info().height), upright);
    const auto expected = ffmpeg_pictures(turned, upright);
    const auto frames = read_all(*source);
    ASSERT_EQ(frames.size(), expected.size());
    // ffmpeg turns before it converts colours, so that chroma may be one pixel aside.
    EXPECT_LT(cv::norm(frames[7].image, expected[7], cv::NORM_L1) / (160 * 90 * 3), 4) << degrees;
  }
}

TEST_F(Video, TakesTheFirstFramesOfARange) {
  SourceOptions options;
  options.start = 400ms;
  options.end = 1200ms;
  options.max_frames = 5;
  auto source = open_source(plain().string(), options);
  EXPECT_EQ(source->info().frames, 5);
  const auto frames = read_all(*source);
  std::vector<std::int64_t> indices;
  for (const auto& frame : frames) indices.push_back(frame.index);
  EXPECT_THAT(indices, ::testing::ElementsAre(10, 11, 12, 13, 14));
  EXPECT_EQ(frames[1].pts, 440ms);
  EXPECT_FALSE(source->read());
}

TEST_F(Video, CountsFramesExactlyAfterASeek) {
  const auto path = clip(
      "-f lavfi -i testsrc2=size=64x48:rate=25:duration=4 -vf setpts=N*N/25/60/TB -vsync vfr -frames:v 60 -c:v "
      "libx265 -x265-params log-level=none:keyint=10:open-gop=1 -pix_fmt yuv420p",
      "open.mp4");
  const auto all = read_all(path);
  ASSERT_EQ(all.size(), 60U);
  for (const std::size_t at : {11U, 25U, 47U}) {
    SourceOptions options;
    options.start = all[at].pts;
    options.max_frames = 1;
    const auto part = read_all(path, options);
    ASSERT_EQ(part.size(), 1U);
    EXPECT_EQ(part[0].index, static_cast<std::int64_t>(at));
    EXPECT_EQ(largest_difference(part[0].image, all[at].image), 0);
  }
}

TEST_F(Video, BeyondItsEndGivesNothing) {
  SourceOptions options;
  options.start = 100s;
  EXPECT_TRUE(read_all(plain(), options).empty());
}

TEST_F(Video, DescribesItself) {
  auto source = open_source(plain().string());
  const auto& info = source->info();
  EXPECT_EQ(info.codec, "h264");
  EXPECT_EQ(info.pixel_format, "yuv420p");
  EXPECT_DOUBLE_EQ(info.frame_rate, 25);
  EXPECT_EQ(info.frames, 50);
  EXPECT_EQ(info.duration, 2s);
  EXPECT_FALSE(info.live);
  EXPECT_FALSE(info.images);
  EXPECT_FALSE(info.variable_frame_rate);
}

TEST_F(Video, CutShortGivesWhatFfprobeSeesAndAWarning) {
  for (const std::string file : {"cut.mp4", "cut.mkv", "cut.ts", "cut.avi"}) {
    const auto path = clip(std::string(kPattern) + kSmallX264 + "-g 10 -movflags +faststart", file);
    const auto bytes = read_bytes(path);
    write_bytes(path, bytes.substr(0, bytes.size() * 6 / 10));
    std::vector<std::string> warnings;
    SourceOptions options;
    options.log = [&](const std::string& line) { warnings.push_back(line); };
    const auto frames = read_all(path, options);
    EXPECT_EQ(frames.size(), ffprobe_times(path).size()) << file;
    EXPECT_GT(frames.size(), 10U) << file;
    EXPECT_LT(frames.size(), 50U) << file;
    if (file != "cut.ts") {  // nothing in this format tells where it should end
      EXPECT_EQ(warnings.size(), 1U) << file;
    }
  }
}

TEST_F(Video, WithDroppedFramesIsNotCutShort) {
  const auto path = clip(
      "-f lavfi -i testsrc2=size=64x48:rate=25:duration=8 -vf select='not(mod(n,4))' -vsync vfr -c:v mjpeg", "dropped.avi");
  std::vector<std::string> warnings;
  SourceOptions options;
  options.log = [&](const std::string& line) { warnings.push_back(line); };
  EXPECT_EQ(read_all(path, options).size(), 50U);
  EXPECT_TRUE(warnings.empty()) << warnings.front();
}

TEST_F(Video, WithBytesOverwrittenIsReadToItsEnd) {
  const auto path = plain("damaged.mkv");
  auto bytes = read_bytes(path);
  for (std::size_t i = bytes.size() / 2; i < bytes.size() / 2 + 300; ++i) bytes[i] = static_cast<char>(i * 37);
  write_bytes(path, bytes);
  EXPECT_GT(read_all(path).size(), 20U);
}

TEST_F(Video, OfAnotherNameIsKnownByItsContent) {
  const auto path = plain();
  for (const std::string name : {"clip.avi", "clip.jpg", "clip.txt", "clip", "a:b%03d*.mp4"}) {
    std::filesystem::copy_file(path, folder_ / name);
    EXPECT_EQ(read_all(folder_ / name).size(), 50U) << name;
  }
}

TEST_F(Video, ThatIsNoneIsOneClearError) {
  write_bytes(folder_ / "text.mp4", "this is no video, but it has some words in it\n");
  write_bytes(folder_ / "empty.mp4", "");
  write_bytes(folder_ / "zeros.mp4", std::string(100'000, '\0'));
  write_bytes(folder_ / "head.mp4", read_bytes(plain()).substr(0, 40));
  EXPECT_EQ(code_of(folder_ / "text.mp4"), ErrorCode::kBadData);
  EXPECT_EQ(code_of(folder_ / "empty.mp4"), ErrorCode::kBadData);
  EXPECT_EQ(code_of(folder_ / "zeros.mp4"), ErrorCode::kBadData);
  EXPECT_EQ(code_of(folder_ / "head.mp4"), ErrorCode::kBadData);
  EXPECT_EQ(code_of(folder_ / "missing.mp4"), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(clip("-f lavfi -i sine=duration=1 -c:a aac", "sound.m4a")), ErrorCode::kBadData);
  ASSERT_EQ(::mkfifo((folder_ / "pipe.mp4").c_str(), 0600), 0);
  EXPECT_EQ(code_of(folder_ / "pipe.mp4"), ErrorCode::kNotFound);
}

TEST_F(Video, PlaylistsOnDiskAreRefused) {
  plain("a.ts");
  write_bytes(folder_ / "list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.ts\n#EXT-X-ENDLIST\n");
  write_bytes(folder_ / "list.mp4", "ffconcat version 1.0\nfile a.ts\n");
  EXPECT_EQ(code_of(folder_ / "list.m3u8"), ErrorCode::kBadData);
  EXPECT_EQ(code_of(folder_ / "list.mp4"), ErrorCode::kBadData);
}

TEST_F(Video, AboveTheLimitsIsRefused) {
  SourceOptions options;
  options.limits.max_pixels = 160 * 90 - 1;
  EXPECT_EQ(code_of(plain(), options), ErrorCode::kBadData);
  EXPECT_EQ(code_of(plain("a.ts"), options), ErrorCode::kBadData);
  options = {};
  options.limits.max_streams = 1;
  const auto two = clip("-f lavfi -i sine=duration=1 " + std::string(kPattern) + kSmallX264 + "-c:a aac", "two.mp4");
  EXPECT_EQ(code_of(two, options), ErrorCode::kBadData);
}

TEST_F(Video, ThatChangesItsSizeKeepsTheFirst) {
  const auto small = plain("small.ts");
  const auto large = clip("-f lavfi -i testsrc2=size=320x180:rate=25:duration=1 " + std::string(kSmallX264), "large.ts");
  write_bytes(folder_ / "joined.ts", read_bytes(small) + read_bytes(large));
  const auto frames = read_all(folder_ / "joined.ts");
  ASSERT_GE(frames.size(), 74U);
  for (const auto& frame : frames) EXPECT_EQ(frame.image.size(), cv::Size(160, 90));
  for (std::size_t i = 1; i < frames.size(); ++i) EXPECT_GT(frames[i].pts, frames[i - 1].pts) << i;
}

TEST_F(Video, StopsWhenAsked) {
  auto source = open_source(plain().string());
  std::stop_source stop;
  EXPECT_TRUE(source->read(stop.get_token()));
  stop.request_stop();
  EXPECT_FALSE(source->read(stop.get_token()));
  EXPECT_TRUE(source->read());  // nothing was lost
  text_of_error([&] { open_source(plain().string(), {}, stop.get_token()); }, ErrorCode::kInterrupted);
}

TEST_F(Video, FramesKeepTheirPixelsWhileHeld) {
  const auto path = plain();
  const auto held = read_all(path);
  auto source = open_source(path.string());
  for (const auto& frame : held) {
    EXPECT_EQ(largest_difference(source->read()->image, frame.image), 0);  // each is dropped at once: memory is used again
  }
}

TEST(OpenSource, TellsHowACameraIsNamed) {
  const auto text = text_of_error([] { open_source("0"); }, ErrorCode::kNotFound);
  EXPECT_NE(text.find("the camera of that number is camera:0"), std::string::npos) << text;
}

TEST(SourceOptions, ThatMakeNoSenseAreRefused) {
  SourceOptions options;
  options.max_frames = -1;
  EXPECT_THROW(open_source("x.mp4", options), Error);
  EXPECT_EQ(code_of("ftp://host/x.mp4"), ErrorCode::kUsage);
  EXPECT_EQ(code_of("concat://host/x.mp4"), ErrorCode::kUsage);
  EXPECT_EQ(code_of("camera:front"), ErrorCode::kUsage);
  EXPECT_EQ(code_of("camera:9999"), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace goshawk::media
