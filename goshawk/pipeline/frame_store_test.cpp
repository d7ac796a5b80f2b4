#include "goshawk/pipeline/frame_store.h"

#include <gtest/gtest.h>

#include <opencv2/core.hpp>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/testing.h"
#include "goshawk/pipeline/frames_run.h"

namespace goshawk::pipeline {
namespace {

namespace fs = std::filesystem;

class FrameStoreTest : public testing::Test {
 protected:
  SourceIdentity video(const std::string& name, const std::string& content) {
    return identify_source(folder_.write(name, content).string());
  }
  fs::path out() const { return folder_ / "out"; }

  TemporaryFolder folder_;
};

TEST_F(FrameStoreTest, ClaimsChangeNothingOnDisk) {
  {
    FrameStore store(out(), {});
    for (int i = 0; i < 10; ++i) store.claim(video("a" + std::to_string(i), "a"), "a", "all", false);
    EXPECT_FALSE(fs::exists(store.list_path()));
    const auto claim = store.claim(video("b", "before"), "b", "all", false);
    store.expect(claim.source, 7, 0);
    Frame frame;
    frame.image = cv::Mat(8, 8, CV_8UC3, cv::Scalar::all(9));
    frame.index = 7;
    store.write(claim.source, frame);
    store.save();
  }
  const auto list = read_file(out() / "frames.json");
  FrameStore store(out(), {});
  const auto claim = store.claim(video("b", "after"), "b", "all", false);
  EXPECT_EQ(claim.earlier, 1);
  EXPECT_EQ(claim.name, "b");
  EXPECT_TRUE(claim.indexes.empty());
  EXPECT_EQ(store.stored(claim.source), 1);
  EXPECT_TRUE(fs::exists(out() / "b_000007.jpg"));
  store.save();
  EXPECT_EQ(read_file(out() / "frames.json"), list) << "the source is listed as it was";
  store.drop_earlier(claim.source);
  EXPECT_EQ(store.stored(claim.source), 0);
  EXPECT_FALSE(fs::exists(out() / "b_000007.jpg"));
}

TEST_F(FrameStoreTest, ARunThatIsStoppedWhileItBeginsWritesNothing) {
  std::stop_source stop;
  stop.request_stop();
  video("a.mp4", "no video");
  try {
    extract_frames({{(folder_ / "a.mp4").string(), "a"}}, out(), {}, stop.get_token(), {});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInterrupted);
  }
  EXPECT_FALSE(fs::exists(out()));
}

}  // namespace
}  // namespace goshawk::pipeline
