#include "goshawk/dataset/frame_list.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "goshawk/core/error.h"
#include "goshawk/core/testing.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

class FrameListFile : public ::testing::Test {
 protected:
  fs::path write(const std::string& text) const { return folder_.write("frames.json", text); }
  void refuses(const std::string& text, const std::string& says) const {
    try {
      read_frame_list(write(text));
      FAIL() << "was read: " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadData) << error.describe();
      EXPECT_NE(error.describe().find(says), std::string::npos) << error.describe();
    }
  }
  const TemporaryFolder folder_;
};

FrameList example() {
  FrameSource source;
  source.name = "straße \"2\"";
  source.path = "/clips/straße.mp4";
  source.bytes = 1'234'567'890'123;
  source.fingerprint = "ab";
  source.selection = "every 10 frames, PNG";
  source.codec = "h264";
  source.width = 641;
  source.height = 361;
  source.frame_rate = 23.976;
  source.state = FrameSourceState::kComplete;
  source.read = 480;
  source.similar = 3;
  source.problem = "cut\nshort";
  FrameSource other;
  other.name = "camera0";
  other.path = "camera:0";
  return {
      {source, other},
      {{"straße \"2\"_000010.png", 0, 10, std::chrono::microseconds(417'084), std::string(64, 'a'), 0xfedcba9876543210ULL},
       {"straße \"2\"_1234567.png", 0, 1'234'567, std::chrono::microseconds(51'491'000'001), std::string(64, 'b'), 0},
       {"camera0_000000.jpg", 1, 0, std::chrono::microseconds(0), std::string(64, 'c'), ~0ULL}}};
}

TEST_F(FrameListFile, ComesBackAsItWas) { EXPECT_EQ(read_frame_list(write(to_text(example()))), example()); }

TEST_F(FrameListFile, AnEmptyListComesBack) { EXPECT_EQ(read_frame_list(write(to_text({}))), FrameList{}); }

TEST_F(FrameListFile, IsNotThere) { EXPECT_THROW(read_frame_list(folder_ / "none.json"), Error); }

std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST_F(FrameListFile, RefusesWhatLeadsOutOfTheFolder) {
  const std::string good = to_text(example());
  refuses(with(good, "camera0_000000.jpg", "../camera0_000000.jpg"), "frames[2].file");
  refuses(with(good, "camera0_000000.jpg", "/etc/passwd"), "frames[2].file");
  refuses(with(good, "camera0_000000.jpg", ".."), "frames[2].file");
  refuses(with(good, "\"name\": \"camera0\"", "\"name\": \"../x\""), "sources[1].name");
}

TEST_F(FrameListFile, RefusesDamageWithTheField) {
  const std::string good = to_text(example());
  refuses("", "");
  refuses("[]", "no frames.json");
  refuses(good.substr(0, good.size() / 2), "");
  refuses(with(good, "\"version\": 1", "\"version\": 2"), "another version");
  refuses(with(good, "\"dct64\"", "\"other\""), "another version");
  refuses(with(good, "\"complete\"", "\"done\""), "sources[0].state");
  refuses(with(good, "\"index\": 10,", "\"index\": -10,"), "frames[0].index");
  refuses(with(good, "\"index\": 10,", "\"index\": 18446744073709551615,"), "frames[0].index");
  refuses(with(good, "\"time\": 0.417084", "\"time\": 1e300"), "frames[0].time");
  refuses(with(good, "\"phash\": \"fed", "\"phash\": \"xed"), "frames[0].phash");
  refuses(with(good, "camera0_000000.jpg", "straße \\\"2\\\"_000010.png"), "twice");
  refuses(with(good, "\"source\": \"camera0\"", "\"source\": \"camera1\""), "frames[2].source");
}

}  // namespace
}  // namespace goshawk::dataset
