#include "goshawk/runtime/model_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "goshawk/core/error.h"
#include "goshawk/core/machine.h"
#include "goshawk/runtime/memory.h"
#include "goshawk/runtime/testing.h"

namespace goshawk::runtime {
namespace {

using ::testing::Each;

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
  std::string a_ = folder_.write("a.onnx", "a"), b_ = folder_.write("b.onnx", "b"), c_ = folder_.write("c.onnx", "c");
  std::atomic<int> loads_{0};
  ModelStore store_{{.capacity = 2, .folders = {folder_.path()}, .load = [this](const auto&, const SessionOptions& options) {
                       ++loads_;
                       EXPECT_TRUE(options.shared);
                       return std::make_unique<EmptySession>();
                     }}};
};

TEST_F(Store, HandsOutTheLoadedModelAgain) {
  const auto first = store_.get(a_);
  EXPECT_EQ(store_.get(a_), first);
  EXPECT_EQ(store_.get((folder_.path() / "." / "a.onnx").string()), first) << "another spelling of the same path";
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
  ModelStore slow({.load = [this](const auto&, const SessionOptions&) {
    ++loads_;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return std::make_unique<EmptySession>();
  }});
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { EXPECT_NE(slow.get(a_), nullptr); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(loads_, 1);
  EXPECT_EQ(slow.statistics().hits, 7U);
}

TEST_F(Store, AModelThatFailsToLoadIsForgottenAndTakesNoPlace) {
  bool broken = false;
  ModelStore store({.capacity = 1, .load = [&](const auto&, const SessionOptions&) -> std::unique_ptr<Session> {
                      if (broken) throw Error(ErrorCode::kBadData, "broken");
                      return std::make_unique<EmptySession>();
                    }});
  const std::weak_ptr<Session> a = store.get(a_);
  broken = true;
  EXPECT_THROW(store.get(b_), Error);
  EXPECT_EQ(store.size(), 1U);
  EXPECT_EQ(store.get(a_), a.lock());
  EXPECT_EQ(store.statistics().evictions, 0U);
  broken = false;
  EXPECT_NE(store.get(b_), nullptr);
  EXPECT_TRUE(a.expired());
}

TEST_F(Store, FindsModelsByName) {
  const auto file = folder_.write("plate-reader.onnx", "d");
  const auto first = store_.get("plate-reader");
  EXPECT_EQ(store_.get("plate_reader.onnx"), first);
  EXPECT_EQ(store_.get(file), first);
  EXPECT_EQ(store_.find("a"), a_);
  EXPECT_EQ(loads_, 1);
  try {
    store_.get("plate-raeder");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_NE(std::string(error.what()).find("did you mean 'plate-reader'?"), std::string::npos) << error.what();
  }
  EXPECT_EQ(store_.statistics().misses, 1U);
}

int threads_of_this_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<int>(std::distance(begin(tasks), end(tasks)));
}

TEST_F(Store, RealModelsShareThreadsAndMemory) {
  ModelStore store({.folders = {folder_.path()}});
  SessionOptions options;
  options.device = {DeviceKind::kCpu, 0};
  constexpr std::int64_t kRows = 2'000'000;
  const std::vector<float> values(4 * kRows, 2);  // 32 MB
  const auto run = [&](Session& session) {
    const TensorView view{values, {kRows, 4}};
    EXPECT_EQ(session.run(std::span(&view, 1)).at(0).values()[4 * kRows - 1], 5);
    return process_memory().resident;
  };
  std::vector<std::shared_ptr<Session>> sessions;
  std::vector<int> threads;
  std::vector<std::uint64_t> memory;
  for (const char* name : {"x", "y", "z"}) {
    folder_.write(std::string(name) + ".onnx", testing::scale_and_shift().model());
    sessions.push_back(store.get(name, options));
    memory.push_back(run(*sessions.back()));
    threads.push_back(threads_of_this_process());
  }
  EXPECT_THAT(threads, Each(threads[0]));
  constexpr std::uint64_t kMuch = 16U << 20U;
  EXPECT_LT(memory[2], memory[0] + kMuch);
  const auto alone = Session::load(folder_.path() / "x.onnx", options);
  EXPECT_GT(run(*alone), memory[2] + kMuch) << "a session that does not share";
  EXPECT_EQ(threads_of_this_process(), threads[0] + usable_cores() - 1);
}

}  // namespace
}  // namespace goshawk::runtime
