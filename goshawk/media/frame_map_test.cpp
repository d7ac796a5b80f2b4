#include "goshawk/media/frame_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "goshawk/core/error.h"
#include "goshawk/media/testing.h"

namespace goshawk::media {
namespace {

using testing::ffmpeg;
using testing::largest_difference;
using testing::read_all;
using testing::read_bytes;
using testing::TemporaryFolder;
using testing::write_bytes;
using namespace std::chrono_literals;

struct Clip {
  std::string label;
  std::string arguments;  // of ffmpeg
  std::string file;
  bool mapped = true;
};

void PrintTo(const Clip& clip, std::ostream* out) { *out << clip.label; }

constexpr const char* kPattern = "-f lavfi -i testsrc2=size=96x64:rate=25:duration=4 -pix_fmt yuv420p ";

std::shared_ptr<const FrameMap> map_of(const std::filesystem::path& path, const SourceOptions& options = {}) {
  auto map = FrameMap::of_file(path.string(), options, {});
  return map ? std::make_shared<const FrameMap>(std::move(*map)) : nullptr;
}

std::vector<Frame> read_chosen(const std::filesystem::path& path, const std::shared_ptr<const FrameMap>& map,
                               std::vector<std::int64_t> indexes) {
  SourceOptions options;
  options.chosen = ChosenFrames{map, std::move(indexes)};
  return read_all(path, options);
}

/// Decoding the whole file, which other tests compare with ffmpeg, says what is right.
void expect_equal(const std::vector<Frame>& chosen, const std::vector<Frame>& all,
                  const std::vector<std::int64_t>& indexes) {
  ASSERT_EQ(chosen.size(), indexes.size());
  for (std::size_t i = 0; i < indexes.size(); ++i) {
    const Frame& expected = all[static_cast<std::size_t>(indexes[i])];
    ASSERT_EQ(chosen[i].index, indexes[i]);
    ASSERT_EQ(chosen[i].pts, expected.pts) << "frame " << indexes[i];
    ASSERT_EQ(largest_difference(chosen[i].image, expected.image), 0) << "frame " << indexes[i];
  }
}

class MappedClip : public ::testing::TestWithParam<Clip> {};

TEST_P(MappedClip, GivesEachChosenFrameAsTheWholeFileDoes) {
  const TemporaryFolder folder;
  const auto path = folder / GetParam().file;
  ffmpeg(GetParam().arguments, path);
  const auto map = map_of(path);
  ASSERT_EQ(map != nullptr, GetParam().mapped);
  if (!map) return;

  const auto all = read_all(path);
  ASSERT_EQ(map->frames(), static_cast<std::int64_t>(all.size()));
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(map->time(static_cast<std::int64_t>(i)), all[i].pts);
  const auto last = map->frames() - 1;
  for (std::int64_t index = 0; index <= last; index += 7) expect_equal(read_chosen(path, map, {index}), all, {index});
  for (const std::vector<std::int64_t>& some :
       {std::vector<std::int64_t>{0, 1, last}, {5, 47, 48, 49, 90}, {11, 12, 13, 60, last - 1, last}, {}}) {
    expect_equal(read_chosen(path, map, some), all, some);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Media, MappedClip,
    ::testing::Values(
        Clip{"b_frames", std::string(kPattern) + "-c:v libx264 -bf 3 -b_strategy 0 -g 12", "a.mp4"},
        Clip{"pyramid_mkv", std::string(kPattern) + "-c:v libx264 -bf 7 -b-pyramid normal -b_strategy 0 -g 30", "a.mkv"},
        Clip{"open_groups", std::string(kPattern) + "-c:v libx264 -bf 3 -g 12 -x264-params open-gop=1:b-adapt=0:scenecut=0",
             "a.mp4"},
        Clip{"open_groups_mkv",
             std::string(kPattern) + "-c:v libx264 -bf 3 -g 12 -x264-params open-gop=1:b-adapt=0:scenecut=0", "a.mkv"},
        Clip{"open_groups_ts",
             std::string(kPattern) + "-c:v libx264 -bf 3 -g 12 -x264-params open-gop=1:b-adapt=0:scenecut=0", "a.ts"},
        Clip{"open_groups_hevc",
             std::string(kPattern) + "-c:v libx265 -x265-params open-gop=1:keyint=12:bframes=4:log-level=error", "a.mp4"},
        Clip{"open_groups_hevc_ts",
             std::string(kPattern) + "-c:v libx265 -x265-params open-gop=1:keyint=12:bframes=4:log-level=error", "a.ts"},
        Clip{"without_index", std::string(kPattern) + "-c:v libx264 -bf 2 -g 12 -f matroska -live 1", "a.mkv"},
        Clip{"intra_refresh", std::string(kPattern) + "-c:v libx264 -g 20 -x264-params intra-refresh=1", "a.mp4"},
        Clip{"variable_rate",
             "-f lavfi -i testsrc2=size=96x64:rate=25:duration=11 -vf select='not(mod(n,7)*mod(n,3))' -vsync vfr -pix_fmt "
             "yuv420p -c:v libx264 -bf 2 -g 9",
             "a.mkv"},
        Clip{"variable_rate_mp4", std::string(kPattern) + "-vf setpts=N*N/25/20/TB -vsync vfr -c:v libx264 -bf 2 -g 9",
             "a.mp4"},
        Clip{"late", std::string(kPattern) + "-c:v libx264 -bf 2 -g 25 -output_ts_offset 3600", "a.ts"},
        Clip{"mpeg2", std::string(kPattern) + "-c:v mpeg2video -bf 2 -g 12", "a.mkv"},
        Clip{"mpeg2_program_stream_without_times", std::string(kPattern) + "-c:v mpeg2video -bf 2 -g 12", "a.mpg", false},
        Clip{"mpeg4_avi", std::string(kPattern) + "-c:v mpeg4 -g 12", "a.avi"},
        Clip{"mjpeg_avi", std::string(kPattern) + "-c:v mjpeg -pix_fmt yuvj420p", "a.avi"},
        Clip{"vp9",
             std::string(kPattern) + "-c:v libvpx-vp9 -deadline good -cpu-used 5 -auto-alt-ref 1 -lag-in-frames 16 -g 25",
             "a.webm"},
        Clip{"av1", std::string(kPattern) + "-c:v libaom-av1 -cpu-used 8 -usage realtime -g 25", "a.mkv"},
        Clip{"negative_start", std::string(kPattern) + "-c:v libx264 -bf 3 -g 12 -movflags +negative_cts_offsets", "a.mp4"},
        Clip{"ntsc_with_sound",
             "-f lavfi -i sine=duration=4 -f lavfi -i testsrc2=size=96x64:rate=30000/1001:duration=4 -pix_fmt yuv420p -c:v "
             "libx264 -bf 2 -g 12 -c:a aac",
             "a.mp4"},
        Clip{"vp8_hides_pictures", std::string(kPattern) + "-c:v libvpx -auto-alt-ref 1 -lag-in-frames 16 -g 25", "a.webm",
             false},
        Clip{"interlaced", std::string(kPattern) + "-c:v libx264 -flags +ildct+ilme", "a.mp4", false},
        Clip{"gif", "-f lavfi -i testsrc2=size=64x48:rate=10:duration=2", "a.gif", false},
        Clip{"raw_h264", std::string(kPattern) + "-c:v libx264 -g 12", "a.h264", false},
        Clip{"image", "-f lavfi -i testsrc2=size=64x48 -frames:v 1", "a.png", false}),
    [](const auto& clip) { return clip.param.label; });

class Map : public ::testing::Test {
 protected:
  std::filesystem::path clip(const std::string& arguments, const std::string& file) {
    ffmpeg(arguments, folder_ / file);
    return folder_ / file;
  }
  TemporaryFolder folder_;
};

TEST_F(Map, DecodesNoMoreThanFromTheKeyFrameBefore) {
  const auto map = map_of(clip(std::string(kPattern) + "-c:v libx264 -bf 0 -g 10 -sc_threshold 0", "a.mp4"));
  ASSERT_TRUE(map);
  ASSERT_EQ(map->packets(), 100);
  const auto ranges = [&](std::vector<std::int64_t> indexes) {
    std::vector<std::pair<std::int64_t, std::int64_t>> found;
    for (const auto& range : map->packets_for(indexes)) found.emplace_back(range.first, range.end);
    return found;
  };
  using ::testing::ElementsAre;
  using ::testing::Pair;
  EXPECT_THAT(ranges({0}), ElementsAre(Pair(0, 1)));
  EXPECT_THAT(ranges({57}), ElementsAre(Pair(50, 58)));
  EXPECT_THAT(ranges({3, 52, 57, 90}), ElementsAre(Pair(0, 4), Pair(50, 58), Pair(90, 91)));
  EXPECT_THAT(ranges({3, 13}), ElementsAre(Pair(0, 14))) << "what lies between is too little to start anew for";
  EXPECT_THAT(ranges({}), ElementsAre());
}

TEST_F(Map, OfACutThatAnEditListHides) {
  const auto whole = clip(std::string(kPattern) + "-c:v libx264 -bf 2 -g 50", "whole.mp4");
  const auto cut = clip("-ss 1.3 -i " + whole.string() + " -c copy", "cut.mp4");
  const auto all = read_all(cut);
  const auto map = map_of(cut);
  ASSERT_TRUE(map);
  ASSERT_EQ(map->frames(), static_cast<std::int64_t>(all.size()));
  for (const std::int64_t index : {0, 3, 16, 20, 40}) expect_equal(read_chosen(cut, map, {index}), all, {index});
}

TEST_F(Map, EndsWhereAsked) {
  const auto path = clip(std::string(kPattern) + "-c:v libx264 -bf 3 -g 12", "a.mp4");
  SourceOptions options;
  options.end = 1200ms;
  const auto map = map_of(path, options);
  ASSERT_TRUE(map);
  EXPECT_EQ(map->frames(), 30);
  EXPECT_LT(map->packets(), 45);
}

TEST_F(Map, IsNotMadeOfWhatIsDamagedOrJoined) {
  const auto plain = clip(std::string(kPattern) + "-c:v libx264 -bf 2 -g 12 -movflags faststart", "a.mp4");
  const std::string bytes = read_bytes(plain);
  write_bytes(folder_ / "cut.mp4", bytes.substr(0, bytes.size() * 2 / 3));
  EXPECT_FALSE(map_of(folder_ / "cut.mp4"));
  // A transport stream that begins anew in the middle: its clock is set back.
  const std::string stream = read_bytes(clip(std::string(kPattern) + "-c:v libx264 -g 12", "a.ts"));
  write_bytes(folder_ / "joined.ts", stream + stream);
  EXPECT_FALSE(map_of(folder_ / "joined.ts"));
}

// The second key frame and what follows it are overwritten: what the map promises does not come out, and the rest does.
TEST_F(Map, WithADamagedGroupStillGivesTheOthers) {
  const auto path = clip(std::string(kPattern) + "-c:v libx264 -bf 0 -g 25 -sc_threshold 0", "a.mkv");
  std::string bytes = read_bytes(path);
  const auto all = read_all(path);
  const auto map = map_of(path);
  ASSERT_TRUE(map);
  const std::size_t from = bytes.size() * 3 / 10, to = bytes.size() * 4 / 10;
  for (std::size_t i = from; i < to; i += 7) bytes[i] = static_cast<char>(bytes[i] ^ 0x5A);
  write_bytes(path, bytes);
  const auto frames = read_chosen(path, map, {2, 30, 60, 99});
  ASSERT_GE(frames.size(), 2U);
  EXPECT_EQ(frames.front().index, 2);
  EXPECT_EQ(frames.back().index, 99);
  EXPECT_EQ(largest_difference(frames.back().image, all[99].image), 0);
}

TEST_F(Map, OfWhatIsNoVideoIsTheSourcesError) {
  write_bytes(folder_ / "text.mp4", std::string(2000, 'x'));
  EXPECT_THROW(map_of(folder_ / "text.mp4"), Error);
  EXPECT_FALSE(map_of(folder_ / "nowhere.mp4"));
  EXPECT_FALSE(map_of(folder_.path()));
}

}  // namespace
}  // namespace goshawk::media
