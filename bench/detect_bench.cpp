// Time of the steps around inference, on one core.
#include <benchmark/benchmark.h>

#include <opencv2/core.hpp>
#include <random>
#include <vector>

#include "goshawk/detect/decode.h"
#include "goshawk/detect/letterbox.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/detect/resize_kernel.h"

namespace {

using namespace goshawk;          // NOLINT: a benchmark
using namespace goshawk::detect;  // NOLINT

cv::Mat noise(int width, int height) {
  cv::Mat image(height, width, CV_8UC3);
  cv::RNG(7).fill(image, cv::RNG::UNIFORM, 0, 256);
  return image;
}

void letterbox(benchmark::State& state, Family family, int width, int height, int side) {
  // Four images in turn, as frames of a video: none is still in the nearest cache.
  std::vector<cv::Mat> images;
  for (int i = 0; i < 4; ++i) images.push_back(noise(width, height));
  const Recipe recipe = family_defaults(family);
  std::vector<float> tensor(static_cast<std::size_t>(side) * static_cast<std::size_t>(side) * 3);
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(prepare(images[i++ % images.size()], recipe, side, side, tensor));
    benchmark::ClobberMemory();
  }
}
BENCHMARK_CAPTURE(letterbox, yolov8_1080p_to_640, Family::kYoloV8, 1920, 1080, 640)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(letterbox, yolov8_4k_to_640, Family::kYoloV8, 3840, 2160, 640)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(letterbox, yolov8_360p_to_640, Family::kYoloV8, 640, 360, 640)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(letterbox, yolox_1080p_to_416, Family::kYolox, 1920, 1080, 416)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(letterbox, nanodet_1080p_to_320, Family::kNanoDet, 1920, 1080, 320)->Unit(benchmark::kMicrosecond);

void letterbox_portable(benchmark::State& state) {
  const cv::Mat image = noise(1920, 1080);
  const PixelFormat format{true, false, {0, 0, 0}, {255, 255, 255}};
  std::vector<float> tensor(640 * 640 * 3);
  for (auto _ : state) {
    resize_into(image, {0, 140, 640, 360}, {640, 640}, format, tensor, Instructions::kPortable);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(letterbox_portable)->Unit(benchmark::kMicrosecond);

/// Scores as a trained network gives them: nearly all close to 0, some objects with ten or so boxes each above the
/// threshold.
runtime::Tensor yolov8_output(int objects) {
  constexpr std::size_t kAnchors = 8400;
  std::mt19937 random(1);
  std::uniform_real_distribution<float> low(0, 0.02F), place(20, 600), side(10, 120), high(0.25F, 0.95F), jitter(-4, 4);
  auto* values = new float[84 * kAnchors];
  runtime::Tensor tensor{{1, 84, static_cast<std::int64_t>(kAnchors)}, std::shared_ptr<const float[]>(values)};
  for (std::size_t i = 0; i < 84 * kAnchors; ++i) values[i] = low(random);
  std::size_t anchor = 0;
  for (int object = 0; object < objects; ++object) {
    const float x = place(random), y = place(random), w = side(random), h = side(random);
    const std::size_t class_id = random() % 80;
    for (int copy = 0; copy < 12; ++copy, anchor = (anchor + 37) % kAnchors) {
      values[anchor] = x + jitter(random);
      values[kAnchors + anchor] = y + jitter(random);
      values[2 * kAnchors + anchor] = w + jitter(random);
      values[3 * kAnchors + anchor] = h + jitter(random);
      values[(4 + class_id) * kAnchors + anchor] = high(random);
    }
  }
  return tensor;
}

void decode_and_suppress(benchmark::State& state) {
  Recipe recipe = family_defaults(Family::kYoloV8);
  recipe.class_names.resize(80, "x");
  const auto decoder = Decoder::create(recipe, std::vector<runtime::TensorInfo>{{"output0", {}, {1, 84, 8400}}});
  std::vector<runtime::Tensor> outputs = {yolov8_output(static_cast<int>(state.range(0)))};
  std::vector<Candidate> candidates;
  for (auto _ : state) {
    candidates.clear();
    decoder->decode(outputs, 0, 640, 640, {0.25F, {}}, candidates);
    suppress(candidates, 0.7F, 300);
    benchmark::DoNotOptimize(candidates.data());
  }
  state.counters["kept"] = static_cast<double>(candidates.size());
}
BENCHMARK(decode_and_suppress)->Arg(5)->Arg(30)->Arg(100)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
