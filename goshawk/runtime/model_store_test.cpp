#include "goshawk/runtime/model_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "goshawk/core/error.h"
#include "goshawk/runtime/testing.h"

namespace goshawk::runtime {
namespace {

/// A session that is nothing but a load time.
class EmptySession : public Session {
 public:
  const std::vector<TensorInfo>& inputs() const override { return infos_; }
  const std::vector<TensorInfo>& outputs() const override { return infos_; }
  const std::map<std::string, std::string>& metadata() const override { return metadata_; }
  const std::set<std::string>& operators() const override { return operators_; }
  Device device() const override { return {DeviceKind::kCpu, 0}; }
  Precision precision() const override { return Precision::kFp32; }
  const std::string& provider() const override { return text_; }
  const std::string& model_hash() const override { return text_; }
  std::vector<Tensor> run(std::span<const TensorView>) override { return {}; }
  SessionStatistics statistics() const override {
    SessionStatistics statistics;
    statistics.load_ms = 100;
    return statistics;
  }

 private:
  std::vector<TensorInfo> infos_;
  std::map<std::string, std::string> metadata_;
  std::set<std::string> operators_;
  std::string text_;
};

class Store : public ::testing::Test {
 protected:
  testing::TemporaryFolder folder_;
  std::filesystem::path a_ = folder_.write("a.onnx", "a"), b_ = folder_.write("b.onnx", "b"),
                        c_ = folder_.write("c.onnx", "c");
  std::atomic<int> loads_{0};
  ModelStore store_{2, [this](const std::filesystem::path&, const SessionOptions&) {
                      ++loads_;
                      return std::make_unique<EmptySession>();
                    }};
};

TEST_F(Store, HandsOutTheLoadedModelAgain) {
  const auto first = store_.get(a_);
  EXPECT_EQ(store_.get(a_), first);
  EXPECT_EQ(store_.get(folder_.path() / "." / "a.onnx"), first) << "another spelling of the same path";
  EXPECT_EQ(loads_, 1);
  const auto statistics = store_.statistics();
  EXPECT_EQ(statistics.hits, 2U);
  EXPECT_EQ(statistics.misses, 1U);
  EXPECT_EQ(statistics.saved_ms, 200);
}

TEST_F(Store, EvictsTheOneUsedLongestAgo) {
  const auto a = store_.get(a_);
  store_.get(b_);
  store_.get(a_);
  store_.get(c_);
  EXPECT_EQ(store_.size(), 2U);
  EXPECT_EQ(store_.statistics().evictions, 1U);
  EXPECT_EQ(store_.get(a_), a);
  EXPECT_EQ(loads_, 3);
  store_.get(b_);
  EXPECT_EQ(loads_, 4);
}

TEST_F(Store, KeepsEvictedSessionsAliveWhileInUse) {
  const auto a = store_.get(a_);
  const std::weak_ptr<Session> b = store_.get(b_);
  store_.get(a_);
  store_.get(c_);
  EXPECT_TRUE(b.expired());
  store_.clear();
  EXPECT_EQ(a.use_count(), 1);
  EXPECT_EQ(a->device().kind, DeviceKind::kCpu);
}

TEST_F(Store, LoadsAnewForOtherOptionsAndChangedFiles) {
  const auto first = store_.get(a_);
  SessionOptions options;
  options.threads = 3;
  EXPECT_NE(store_.get(a_, options), first);
  std::ofstream(a_) << "a longer file";
  EXPECT_NE(store_.get(a_), first);
  EXPECT_EQ(loads_, 3);
}

TEST_F(Store, LoadsOneModelOnceForManyThreads) {
  ModelStore slow(2, [this](const std::filesystem::path&, const SessionOptions&) {
    ++loads_;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return std::make_unique<EmptySession>();
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { EXPECT_NE(slow.get(a_), nullptr); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(loads_, 1);
  EXPECT_EQ(slow.statistics().hits, 7U);
}

TEST_F(Store, ForgetsModelsThatFailedToLoad) {
  bool broken = true;
  ModelStore store(1, [&](const std::filesystem::path&, const SessionOptions&) -> std::unique_ptr<Session> {
    if (broken) throw Error(ErrorCode::kBadData, "broken");
    return std::make_unique<EmptySession>();
  });
  EXPECT_THROW(store.get(a_), Error);
  EXPECT_EQ(store.size(), 0U);
  broken = false;
  EXPECT_NE(store.get(a_), nullptr);
}

TEST_F(Store, LoadsRealModels) {
  ModelStore store(1);
  SessionOptions options;
  options.device = {DeviceKind::kCpu, 0};
  EXPECT_EQ(store.get(folder_.write("m.onnx", testing::scale_and_shift().model()), options)->inputs().size(), 1U);
}

}  // namespace
}  // namespace goshawk::runtime
