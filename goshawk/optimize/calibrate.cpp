#include "goshawk/optimize/calibrate.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "goshawk/core/error.h"
#include "goshawk/detect/letterbox.h"
#include "goshawk/media/image.h"
#include "goshawk/onnx/wiring.h"
#include "goshawk/optimize/shapes.h"

namespace goshawk::optimize {
namespace {

namespace fs = std::filesystem;

void add_channels(std::span<const float> values, const onnx::Shape& shape, int image, ValueStatistics& statistics) {
  if (shape.size() != 4 || values.empty()) return;
  const auto channels = static_cast<std::size_t>(shape[1]), plane = static_cast<std::size_t>(shape[2] * shape[3]);
  if (plane == 0) return;
  statistics.channel_means.resize(channels);
  statistics.channel_squares.resize(channels);
  statistics.channel_ranges.resize(channels);
  statistics.channel_extremes.resize(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    double sum = 0, squares = 0;
    std::size_t numbers = 0;
    Range seen;
    for (const float v : values.subspan(c * plane, plane)) {
      if (!std::isfinite(v)) continue;  // as the histogram does
      sum += static_cast<double>(v);
      squares += static_cast<double>(v) * static_cast<double>(v);
      seen = numbers == 0 ? Range{v, v} : Range{std::min(seen.low, v), std::max(seen.high, v)};
      ++numbers;
    }
    auto& range = statistics.channel_ranges[c];
    range = image == 0 ? seen : Range{std::min(range.low, seen.low), std::max(range.high, seen.high)};
    auto& extremes = statistics.channel_extremes[c];
    extremes.low += (seen.low - extremes.low) / static_cast<float>(image + 1);
    extremes.high += (seen.high - extremes.high) / static_cast<float>(image + 1);
    const auto count = static_cast<double>(std::max<std::size_t>(numbers, 1));
    auto& mean = statistics.channel_means[c];
    auto& square = statistics.channel_squares[c];
    mean += (sum / count - mean) / (image + 1);
    square += (squares / count - square) / (image + 1);
  }
}

}  // namespace

onnx::Model with_outputs(const onnx::Model& model, const std::set<std::string>& values) {
  onnx::Model watched = model;
  watched.outputs.clear();
  for (const auto& name : values) watched.outputs.push_back({name, onnx::ElementType::kUndefined, {}, {}});
  onnx::remove_unused(watched);
  return watched;
}

void add_values(ValueStatistics& statistics, std::span<const float> values, onnx::Shape shape, int image) {
  statistics.histogram.add(values);
  add_channels(values, shape, image, statistics);
  statistics.shape = std::move(shape);
}

runtime::RawTensor image_tensor(const fs::path& path, const Recipe& recipe, const onnx::ValueInfo& input) {
  const cv::Mat image = media::read_image(path);
  int width = recipe.input_width, height = recipe.input_height;
  if (recipe.dynamic_size && recipe.resize == Resize::kPadOnly) {
    const auto up = [&](int side) { return (side + recipe.stride - 1) / recipe.stride * recipe.stride; };
    width = up(image.cols);
    height = up(image.rows);
  }
  std::vector<float> values(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  detect::prepare(image, recipe, width, height, values);
  onnx::Shape shape{3, height, width};
  if (recipe.layout == Layout::kNhwc) shape = {height, width, 3};
  if (input.shape && input.shape->size() == 3) return runtime::RawTensor::of(input.name, shape, values);
  const auto* stated = input.shape && !input.shape->empty() ? std::get_if<std::int64_t>(&input.shape->front()) : nullptr;
  const std::int64_t batch = stated ? std::max<std::int64_t>(*stated, 1) : 1;
  const std::size_t pixels = values.size();
  values.reserve(pixels * static_cast<std::size_t>(batch));
  for (std::int64_t i = 1; i < batch; ++i) std::copy_n(values.begin(), pixels, std::back_inserter(values));
  shape.insert(shape.begin(), batch);
  return runtime::RawTensor::of(input.name, shape, values);
}

std::set<std::string> float_values(const onnx::Model& model) {
  std::set<std::string> names;
  for (const auto& [name, type] : infer_types(model)) {
    if (type.type == onnx::ElementType::kFloat && !model.constant(name)) names.insert(name);
  }
  return names;
}

Calibration calibrate(const onnx::Model& model, const Recipe& recipe, const std::vector<fs::path>& images,
                      const std::set<std::string>& values, const CalibrateOptions& options) {
  if (images.empty()) throw Error(ErrorCode::kNotFound, "there is no picture to calibrate with");
  if (model.inputs.size() != 1 || model.inputs[0].type != onnx::ElementType::kFloat) {
    throw Error(ErrorCode::kBadConfig, "calibration needs a model with one float input, an image");
  }
  const std::string& input = model.inputs[0].name;
  std::set<std::string> watched = values;
  const bool watches_input = watched.erase(input) > 0;
  if (watched.empty()) watched.insert(model.outputs[0].name);
  runtime::PlainModel runs(onnx::serialize(with_outputs(model, watched)), "calibration",
                           {.threads = options.threads, .optimize = true});
  Calibration calibration;
  std::int64_t tried = 0;
  for (const auto& path : images) {
    if (options.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "calibration was stopped");
    if (options.progress) options.progress(tried++, static_cast<std::int64_t>(images.size()));
    runtime::RawTensor picture;
    try {
      picture = image_tensor(path, recipe, model.inputs[0]);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kBadData && error.code() != ErrorCode::kNotFound) throw;
      calibration.left_out.push_back(path.string() + ": " + error.what());
      continue;
    }
    const auto results = runs.run(std::span(&picture, 1));
    if (watches_input) add_values(calibration.values[input], picture.floats(), picture.shape, calibration.images);
    for (const auto& result : results) {
      if (result.type == static_cast<int>(onnx::ElementType::kFloat)) {
        add_values(calibration.values[result.name], result.floats(), result.shape, calibration.images);
      }
    }
    ++calibration.images;
  }
  if (options.progress) options.progress(tried, tried);
  if (calibration.images == 0) {
    throw Error(ErrorCode::kBadData, "no picture could be read to calibrate with", calibration.left_out.front());
  }
  for (const auto& [name, statistics] : calibration.values) {
    if (statistics.histogram.count() == 0 && statistics.histogram.not_finite() > 0) {
      throw Error(ErrorCode::kBadData, "the model computes no finite numbers on the calibration pictures", name);
    }
  }
  return calibration;
}

}  // namespace goshawk::optimize
