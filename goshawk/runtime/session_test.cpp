#include "goshawk/runtime/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <thread>

#include "goshawk/runtime/model_file.h"
#include "goshawk/runtime/testing.h"

namespace goshawk::runtime {
namespace {

namespace fs = std::filesystem;
using namespace testing;  // NOLINT: small models
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

bool has_openvino() {
  for (const auto& status : list_devices()) {
    if (status.device.kind == DeviceKind::kOpenVino) return status.available;
  }
  return false;
}

SessionOptions on(DeviceKind kind, Precision precision = Precision::kFp32) {
  SessionOptions options;
  options.device = {kind, 0};
  options.precision = precision;
  options.threads = 2;
  return options;
}

std::vector<float> random_values(std::size_t count, float scale = 1) {
  std::mt19937 random(11);
  std::uniform_real_distribution<float> uniform(0, scale);
  std::vector<float> values(count);
  for (auto& value : values) value = uniform(random);
  return values;
}

std::vector<float> run_one(Session& session, const std::vector<float>& values, std::vector<std::int64_t> shape) {
  const std::vector<TensorView> inputs{{values, std::move(shape)}};
  const auto outputs = session.run(inputs);
  return {outputs.at(0).values().begin(), outputs.at(0).values().end()};
}

ErrorCode load_error(const fs::path& path, const SessionOptions& options = on(DeviceKind::kCpu),
                     std::string* text = nullptr) {
  return code_of([&] { Session::load(path, options); }, text);
}

class OnEachDevice : public ::testing::TestWithParam<DeviceKind> {
 protected:
  void SetUp() override {
    if (GetParam() == DeviceKind::kOpenVino && !has_openvino()) GTEST_SKIP() << "the OpenVINO plug-in is not installed";
  }
  TemporaryFolder folder_;
};

TEST_P(OnEachDevice, RunsFloatFloat16AndUint8Inputs) {
  for (const int type : {kFloat, kFloat16, kUint8}) {
    const auto session = Session::load(folder_.write("m.onnx", scale_and_shift(type).model()), on(GetParam()));
    EXPECT_EQ(session->device().kind, GetParam());
    EXPECT_EQ(session->precision(), Precision::kFp32);
    EXPECT_THAT(run_one(*session, {0, 1, 2, 255}, {1, 4}), ElementsAre(1, 3, 5, 511)) << "element type " << type;
  }
}

TEST_P(OnEachDevice, Uint8InputsAreRoundedAndSaturated) {
  const auto session = Session::load(folder_.write("m.onnx", scale_and_shift(kUint8).model()), on(GetParam()));
  EXPECT_THAT(run_one(*session, {-3, 0.6F, 254.4F, 300}, {1, 4}), ElementsAre(1, 3, 509, 511));
}

TEST_P(OnEachDevice, TellsNamesTypesShapesAndMetadata) {
  auto graph = scale_and_shift(kUint8);
  graph.metadata = {{"goshawk.recipe", "{\"family\":\"yolox\"}"}, {"empty", ""}};
  SessionOptions options = on(GetParam());
  options.cache_folder = folder_.path() / "cache";
  const auto file = folder_.write("m.onnx", graph.model());
  for (const bool cached : {false, true}) {
    const auto session = Session::load(file, options);
    EXPECT_EQ(session->statistics().from_cache, cached && GetParam() == DeviceKind::kOpenVino);
    ASSERT_EQ(session->inputs().size(), 1U);
    EXPECT_EQ(session->inputs()[0].name, "x");
    EXPECT_EQ(session->inputs()[0].type, ElementType::kUint8);
    EXPECT_THAT(session->inputs()[0].shape, ElementsAre(-1, 4));
    EXPECT_EQ(session->outputs().at(0).name, "y");
    EXPECT_EQ(session->outputs().at(0).type, ElementType::kFloat32);
    EXPECT_EQ(session->metadata(), graph.metadata);
    EXPECT_EQ(session->model_hash().size(), 64U);
    EXPECT_THAT(session->provider(), HasSubstr("ExecutionProvider 1."));
    EXPECT_THAT(run_one(*session, {0, 1, 2, 3}, {1, 4}), ElementsAre(1, 3, 5, 7));
  }
}

TEST_P(OnEachDevice, Int64OutputsAreExactFloats) {
  Graph graph = scale_and_shift();
  graph.outputs = {value_info("y", kInt64, {-1, 4})};
  graph.nodes = {node("Cast", {"x"}, {"y"}, {integer_attribute("to", kInt64)})};
  const auto session = Session::load(folder_.write("m.onnx", graph.model()), on(GetParam()));
  EXPECT_THAT(run_one(*session, {0, 79, 16777215, 3}, {1, 4}), ElementsAre(0, 79, 16777215, 3));
}

TEST_P(OnEachDevice, Float16OutputsAreWidened) {
  Graph graph = scale_and_shift();
  graph.outputs = {value_info("y", kFloat16, {-1, 4})};
  graph.nodes = {node("Cast", {"x"}, {"y"}, {integer_attribute("to", kFloat16)})};
  const auto session = Session::load(folder_.write("m.onnx", graph.model()), on(GetParam()));
  EXPECT_THAT(run_one(*session, {0, 0.5F, -2, 1024}, {1, 4}), ElementsAre(0, 0.5F, -2, 1024));
}

TEST_P(OnEachDevice, BatchOfEightGivesWhatEightBatchesOfOneGive) {
  const auto session = Session::load(folder_.write("m.onnx", convolution().model()), on(GetParam()));
  constexpr std::size_t kImage = 3UL * 9 * 11;
  const auto images = random_values(8 * kImage);
  const auto together = run_one(*session, images, {8, 3, 9, 11});
  const std::size_t size = together.size() / 8;
  EXPECT_EQ(size, 8UL * 7 * 9);
  for (std::size_t i = 0; i < 8; ++i) {
    const std::vector<float> image(images.begin() + static_cast<std::ptrdiff_t>(i * kImage),
                                   images.begin() + static_cast<std::ptrdiff_t>((i + 1) * kImage));
    const auto alone = run_one(*session, image, {1, 3, 9, 11});
    for (std::size_t k = 0; k < size; ++k)
      ASSERT_NEAR(alone[k], together[i * size + k], 1e-5) << "image " << i << " value " << k;
  }
}

TEST_P(OnEachDevice, ThreadsMayRunOneSessionAtOnce) {
  const auto session = Session::load(folder_.write("m.onnx", convolution().model()), on(GetParam()));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto batch = static_cast<std::int64_t>(1 + t % 2);
      const auto values = random_values(static_cast<std::size_t>(batch) * 3 * 9 * 11, static_cast<float>(t + 1));
      const auto expected = run_one(*session, values, {batch, 3, 9, 11});
      for (int i = 0; i < 20; ++i) EXPECT_EQ(run_one(*session, values, {batch, 3, 9, 11}), expected);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(session->statistics().run.count, 84U);
}

TEST_P(OnEachDevice, OutputsOutliveTheNextRun) {
  const auto session = Session::load(folder_.write("m.onnx", scale_and_shift().model()), on(GetParam()));
  const std::vector<float> first{1, 2, 3, 4}, second{5, 6, 7, 8};
  const std::vector<TensorView> a{{first, {1, 4}}}, b{{second, {1, 4}}};
  const auto kept = session->run(a);
  session->run(b);
  EXPECT_THAT(kept.at(0).values(), ElementsAre(3, 5, 7, 9));
}

TEST_P(OnEachDevice, RefusesShapesThatDoNotFit) {
  const auto session = Session::load(folder_.write("m.onnx", scale_and_shift().model()), on(GetParam()));
  const std::vector<float> values(4);
  std::string text;
  const auto run = [&](std::vector<TensorView> inputs) { return code_of([&] { session->run(inputs); }, &text); };
  EXPECT_EQ(run({{values, {1, 5}}}), ErrorCode::kBadConfig);
  EXPECT_THAT(text, HasSubstr("'x' is Nx4, not 1x5"));
  EXPECT_EQ(run({{values, {2, 4}}}), ErrorCode::kBadConfig);
  EXPECT_EQ(run({{values, {4}}}), ErrorCode::kBadConfig);
  EXPECT_EQ(run({{values, {-1, 4}}}), ErrorCode::kBadConfig);
  EXPECT_EQ(run({{values, {INT64_MAX, 4}}}), ErrorCode::kBadConfig);
  EXPECT_EQ(run({}), ErrorCode::kBadConfig);
}

TEST_P(OnEachDevice, CountsRunsButNotTheWarmUp) {
  const auto session = Session::load(folder_.write("m.onnx", scale_and_shift().model()), on(GetParam()));
  EXPECT_EQ(session->statistics().run.count, 0U);
  for (int i = 0; i < 3; ++i) run_one(*session, {0, 1, 2, 3}, {1, 4});
  const auto statistics = session->statistics();
  EXPECT_EQ(statistics.run.count, 3U);
  EXPECT_GT(statistics.load_ms, 0);
  EXPECT_LE(statistics.run.p50, statistics.run.p99);
  EXPECT_GT(statistics.resident_bytes, 1U << 20);
  EXPECT_GE(statistics.peak_resident_bytes, statistics.resident_bytes);
  EXPECT_EQ(statistics.device_bytes, 0U);
}

INSTANTIATE_TEST_SUITE_P(Devices, OnEachDevice, ::testing::Values(DeviceKind::kCpu, DeviceKind::kOpenVino),
                         [](const auto& item) {
                           return to_string(Device{item.param, 0});
                         });

class Load : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
};

TEST_F(Load, RefusesWhatIsNotAModel) {
  EXPECT_EQ(load_error(folder_.path() / "missing.onnx"), ErrorCode::kNotFound);
  EXPECT_EQ(load_error(folder_.path()), ErrorCode::kNotFound);
  EXPECT_EQ(load_error("/dev/zero"), ErrorCode::kNotFound);
  std::string text;
  EXPECT_EQ(load_error(folder_.write("empty.onnx", ""), {}, &text), ErrorCode::kBadData);
  EXPECT_THAT(text, HasSubstr("it is empty"));
  EXPECT_THAT(text, HasSubstr("empty.onnx"));
  EXPECT_EQ(load_error(folder_.write("text.onnx", "<html><body>404 Not Found</body></html>\n")), ErrorCode::kBadData);
  std::mt19937 random(3);
  std::string noise(100'000, '\0');
  for (auto& c : noise) c = static_cast<char>(random());
  EXPECT_EQ(load_error(folder_.write("noise.onnx", noise)), ErrorCode::kBadData);
}

TEST_F(Load, RefusesEveryTruncationOfAModel) {
  const std::string whole = convolution(1).model();
  for (std::size_t size = 0; size < whole.size(); size += 1 + size / 20) {
    EXPECT_EQ(load_error(folder_.write("cut.onnx", whole.substr(0, size))), ErrorCode::kBadData)
        << "first " << size << " bytes";
  }
}

TEST_F(Load, SurvivesChangedBytes) {
  const std::string whole = convolution(1).model();
  std::mt19937 random(5);
  int refused = 0;
  for (int i = 0; i < 150; ++i) {
    std::string changed = whole;
    // The head and the tail hold the structure, the middle the weights.
    const std::size_t at = random() % 2 == 0 ? random() % 80 : whole.size() - 1 - random() % 120;
    changed[at] = static_cast<char>(random());
    try {
      Session::load(folder_.write("changed.onnx", changed), on(DeviceKind::kCpu));
    } catch (const Error& error) {
      ++refused;
      EXPECT_TRUE(error.code() == ErrorCode::kBadData || error.code() == ErrorCode::kInternal) << error.describe();
    }
  }
  EXPECT_GT(refused, 30);
}

TEST_F(Load, RefusesUnknownOperatorsAndOpsets) {
  Graph graph = scale_and_shift();
  graph.nodes[1] = node("FlyToTheMoon", {"f", "two"}, {"d"});
  for (const auto device : {DeviceKind::kCpu, DeviceKind::kAuto}) {
    std::string text;
    EXPECT_EQ(load_error(folder_.write("op.onnx", graph.model()), on(device), &text), ErrorCode::kBadData);
    EXPECT_THAT(text, HasSubstr("FlyToTheMoon"));
  }
  graph = scale_and_shift();
  graph.opset = 999;
  EXPECT_EQ(load_error(folder_.write("opset.onnx", graph.model())), ErrorCode::kBadData);
}

TEST_F(Load, RefusesTensorsThatClaimMoreThanTheyHold) {
  Graph graph = scale_and_shift();
  graph.initializers[0] = tensor_header("two", kFloat, {1LL << 31, 1LL << 31}).text(9, "1234");
  EXPECT_EQ(load_error(folder_.write("lie.onnx", graph.model())), ErrorCode::kBadData);
  graph.initializers[0] = tensor_header("two", kFloat, {1LL << 29}).text(9, "1234");  // 2 GiB
  EXPECT_EQ(load_error(folder_.write("lie.onnx", graph.model())), ErrorCode::kBadData);
}

Message external_tensor(const std::string& location) {
  const auto entry = [](const std::string& key, const std::string& value) { return Message().text(1, key).text(2, value); };
  return tensor_header("two", kFloat, {1})
      .message(13, entry("location", location))
      .message(13, entry("length", "4"))
      .number(14, 1);
}

TEST_F(Load, ReadsExternalWeightsBesideTheModelOnly) {
  fs::create_directory(folder_.path() / "models");
  folder_.write("secret.bin", std::string("\0\0\0\x40", 4));
  folder_.write("models/weights.bin", std::string("\0\0\0\x40", 4));
  fs::create_symlink(folder_.path() / "secret.bin", folder_.path() / "models" / "link.bin");
  Graph graph = scale_and_shift();
  const auto load = [&](const std::string& location) {
    graph.initializers[0] = external_tensor(location);
    return Session::load(folder_.write("models/m.onnx", graph.model()), on(DeviceKind::kCpu));
  };
  EXPECT_THAT(run_one(*load("weights.bin"), {0, 1, 2, 3}, {1, 4}), ElementsAre(1, 3, 5, 7));
  EXPECT_EQ(model_bytes(folder_.path() / "models/m.onnx"), fs::file_size(folder_.path() / "models/m.onnx") + 4);
  const std::string absolute = (folder_.path() / "secret.bin").string();
  for (const std::string location : {"../secret.bin", "../../../../../../etc/passwd", "/etc/passwd", "link.bin", ".", "..",
                                     "", "none.bin", "*/_ORT_MEM_ADDR_/*", absolute.c_str()}) {
    std::string text;
    EXPECT_EQ(code_of([&] { load(location); }, &text), ErrorCode::kBadData) << location;
    EXPECT_THAT(text, HasSubstr("m.onnx")) << location;
  }
}

TEST_F(Load, ReadsTheWeightsBesideWhatALinkLeadsTo) {
  fs::create_directory(folder_.path() / "real");
  fs::create_directory(folder_.path() / "links");
  folder_.write("real/weights.bin", std::string("\0\0\0\x40", 4));
  Graph graph = scale_and_shift();
  graph.initializers[0] = external_tensor("weights.bin");
  folder_.write("real/m.onnx", graph.model());
  const auto link = folder_.path() / "links" / "m.onnx";
  fs::create_symlink(folder_.path() / "real" / "m.onnx", link);
  EXPECT_THAT(run_one(*Session::load(link, on(DeviceKind::kCpu)), {0, 1, 2, 3}, {1, 4}), ElementsAre(1, 3, 5, 7));
  // As caches of downloads are: both are links to files of other names.
  fs::rename(folder_.path() / "real" / "weights.bin", folder_.path() / "real" / "abc");
  fs::create_symlink(folder_.path() / "real" / "abc", folder_.path() / "links" / "weights.bin");
  std::string text;
  EXPECT_EQ(load_error(link, on(DeviceKind::kCpu), &text), ErrorCode::kBadData);
  EXPECT_THAT(text, HasSubstr("not beside what it leads to"));
}

TEST_F(Load, RefusesCompiledModelsFromOutside) {
  Graph graph = scale_and_shift();
  graph.nodes[1] = node("EPContext", {"f", "two"}, {"d"});
  std::string text;
  EXPECT_EQ(load_error(folder_.write("ctx.onnx", graph.model()), on(DeviceKind::kAuto), &text), ErrorCode::kBadData);
  EXPECT_THAT(text, HasSubstr("compiled for one machine"));
}

TEST_F(Load, RefusesDevicesAndPrecisionsThatAreNotThere) {
  const auto file = folder_.write("m.onnx", scale_and_shift().model());
  for (const auto kind : {DeviceKind::kCuda, DeviceKind::kTensorRt, DeviceKind::kTensorRtRtx}) {
    std::string text;
    EXPECT_EQ(load_error(
                  file,
                  [&] {
                    SessionOptions options = on(kind);
                    options.device.index = 77;
                    return options;
                  }(),
                  &text),
              ErrorCode::kUnavailable);
    EXPECT_THAT(text, HasSubstr(to_string(Device{kind, 77})));
  }
  EXPECT_EQ(load_error(file, on(DeviceKind::kCpu, Precision::kBf16)), ErrorCode::kUnavailable);
  EXPECT_EQ(load_error(file, on(DeviceKind::kCpu, Precision::kFp16)), ErrorCode::kUnavailable);
}

/// GOSHAWK_PROVIDER_PATH for the time of a test.
class ProviderPath {
 public:
  explicit ProviderPath(const fs::path& path) { ::setenv("GOSHAWK_PROVIDER_PATH", path.c_str(), 1); }
  ~ProviderPath() { ::unsetenv("GOSHAWK_PROVIDER_PATH"); }
};

TEST_F(Load, FallsBackWithOneLineWhenAProviderDoesNotWork) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "OpenVINO is not tried under ThreadSanitizer";
#endif
  const auto file = folder_.write("m.onnx", scale_and_shift().model());
  fs::create_directory(folder_.path() / "broken");
  folder_.write("broken/libonnxruntime_providers_openvino_plugin.so", "not a library");
  const ProviderPath path(folder_.path());
  SessionOptions options = on(DeviceKind::kAuto);
  std::vector<std::string> lines;
  options.log = [&](const std::string& line) { lines.push_back(line); };
  const auto session = Session::load(file, options);
  EXPECT_EQ(session->device().kind, DeviceKind::kCpu);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], HasSubstr("openvino cannot run m.onnx, using cpu instead: "));
  EXPECT_EQ(lines[0].find('\n'), std::string::npos);
  std::string text;
  EXPECT_EQ(load_error(file, on(DeviceKind::kOpenVino), &text), ErrorCode::kUnavailable);
  EXPECT_THAT(text, HasSubstr("broken/libonnxruntime_providers_openvino_plugin.so"));
}

class WithOpenVino : public Load {
 protected:
  void SetUp() override {
    if (!has_openvino()) GTEST_SKIP() << "the OpenVINO plug-in is not installed";
    options_.cache_folder = folder_.path() / "cache";
  }
  std::vector<fs::path> cached_files() const {
    std::vector<fs::path> files;
    for (const auto& file : fs::recursive_directory_iterator(*options_.cache_folder)) {
      if (file.is_regular_file()) files.push_back(file.path());
    }
    return files;
  }
  SessionOptions options_ = on(DeviceKind::kOpenVino);
};

TEST_F(WithOpenVino, TakesTheCompiledModelFromTheCache) {
  const auto file = folder_.write("m.onnx", convolution().model());
  const auto values = random_values(2UL * 3 * 9 * 11);
  const auto first = Session::load(file, options_);
  const auto second = Session::load(file, options_);
  EXPECT_FALSE(first->statistics().from_cache);
  EXPECT_TRUE(second->statistics().from_cache);
  EXPECT_EQ(run_one(*first, values, {2, 3, 9, 11}), run_one(*second, values, {2, 3, 9, 11}));
}

TEST_F(WithOpenVino, CompilesAnewForAnotherModelPrecisionOrThreadCount) {
  const auto file = folder_.write("m.onnx", convolution().model());
  Session::load(file, options_);
  options_.threads = 1;
  EXPECT_FALSE(Session::load(file, options_)->statistics().from_cache);
  options_.precision = Precision::kAuto;
  const auto fastest = Session::load(file, options_);
  EXPECT_EQ(fastest->statistics().from_cache, fastest->precision() == Precision::kFp32);
  const auto other = folder_.write("m.onnx", convolution(1).model());
  EXPECT_FALSE(Session::load(other, options_)->statistics().from_cache);
}

TEST_F(WithOpenVino, RebuildsDamagedCacheEntries) {
  const auto file = folder_.write("m.onnx", convolution().model());
  const auto values = random_values(3UL * 9 * 11);
  const auto expected = run_one(*Session::load(file, options_), values, {1, 3, 9, 11});
  for (const auto& damaged : cached_files()) {
    for (const bool cut : {true, false}) {
      if (cut) {
        fs::resize_file(damaged, fs::file_size(damaged) / 2);
      } else {
        std::fstream(damaged, std::ios::binary | std::ios::in | std::ios::out).seekp(10).write("\x55\xAA\x55", 3);
      }
      const auto session = Session::load(file, options_);
      EXPECT_FALSE(session->statistics().from_cache) << damaged;
      EXPECT_EQ(run_one(*session, values, {1, 3, 9, 11}), expected);
      EXPECT_TRUE(Session::load(file, options_)->statistics().from_cache) << damaged;
    }
  }
}

TEST_F(WithOpenVino, ManyLoadersShareOneCache) {
  const auto file = folder_.write("m.onnx", convolution().model());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { EXPECT_NO_THROW(Session::load(file, options_)); });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(Session::load(file, options_)->statistics().from_cache);
  EXPECT_EQ(std::distance(fs::directory_iterator(*options_.cache_folder), fs::directory_iterator()), 1);
}

TEST_F(WithOpenVino, WorksWithoutACacheThatCannotBeWritten) {
  options_.cache_folder = "/proc/goshawk";
  std::vector<std::string> lines;
  options_.log = [&](const std::string& line) { lines.push_back(line); };
  EXPECT_NO_THROW(Session::load(folder_.write("m.onnx", convolution().model()), options_));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], HasSubstr("compiled models are not kept"));
}

/// Largest difference, relative to the largest value.
double relative_difference(std::span<const float> a, std::span<const float> b) {
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
    difference = std::max(difference, std::abs(static_cast<double>(a[i]) - b[i]));
  }
  return difference / largest;
}

class Shared : public WithOpenVino {
 protected:
  fs::path model(const std::string& name) const { return fs::path(GOSHAWK_SHARED_DATA) / "models" / name; }
};

TEST_F(Shared, OpenVinoInFp32AgreesWithTheCpuProvider) {
  for (const std::string name : {"yolox_nano.onnx", "nanodet.onnx"}) {
    if (!fs::exists(model(name))) GTEST_SKIP() << "needs " << model(name);
    const auto cpu = Session::load(model(name), on(DeviceKind::kCpu));
    const auto values =
        random_values(3UL * static_cast<std::size_t>(cpu->inputs()[0].shape[2] * cpu->inputs()[0].shape[3]), 255);
    const std::vector<TensorView> inputs{{values, cpu->inputs()[0].shape}};
    const auto expected = cpu->run(inputs);
    for (const bool cached : {false, true}) {
      const auto openvino = Session::load(model(name), options_);
      EXPECT_EQ(openvino->statistics().from_cache, cached);
      const auto got = openvino->run(inputs);
      ASSERT_EQ(got.size(), expected.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        EXPECT_LT(relative_difference(got[i].values(), expected[i].values()), 1e-4)
            << name << " output " << i << " cached " << cached;
      }
    }
  }
}

TEST_F(Shared, AutoLeavesAModelThatOpenVinoRefusesToTheCpu) {
  if (!fs::exists(model("silero_vad.onnx"))) GTEST_SKIP() << "needs " << model("silero_vad.onnx");
  SessionOptions options = on(DeviceKind::kAuto);
  std::vector<std::string> lines;
  options.log = [&](const std::string& line) { lines.push_back(line); };
  EXPECT_EQ(Session::load(model("silero_vad.onnx"), options)->device().kind, DeviceKind::kCpu);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], HasSubstr("openvino cannot run silero_vad.onnx, using cpu instead"));
  std::string text;
  EXPECT_EQ(load_error(model("silero_vad.onnx"), on(DeviceKind::kOpenVino), &text), ErrorCode::kUnavailable);
  EXPECT_THAT(text, HasSubstr("openvino cannot load this model"));
}

}  // namespace
}  // namespace goshawk::runtime
