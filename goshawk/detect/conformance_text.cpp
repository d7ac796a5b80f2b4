// Conformance vectors as JSON, and the picture that needs no pixels stored.
#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <opencv2/core.hpp>

#include "goshawk/core/base64.h"
#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/detect/conformance.h"

namespace goshawk::detect {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxPixels = 1 << 20;
constexpr std::int64_t kMaxAllPixels = 2 * kMaxSyntheticSide * kMaxSyntheticSide;  // few numbers ask for large pictures
constexpr std::size_t kMaxVectors = 32;
constexpr std::size_t kMaxDetections = 1000;
constexpr std::size_t kMaxOutputs = 10'000;  // more than a model has that loads in sensible time
constexpr std::size_t kMaxValues = 10'000;

json to_json(const ConformanceVector& vector) {
  json detections = json::array();
  for (const Detection& d : vector.detections) {
    detections.push_back({d.box.x1, d.box.y1, d.box.x2, d.box.y2, d.score, d.class_id});
  }
  json outputs = json::array();
  for (const auto& output : vector.outputs) {
    outputs.push_back({{"name", output.name}, {"shape", output.shape}, {"values", output.values}});
  }
  json result = {{"name", vector.name},
                 {"width", vector.image.cols},
                 {"height", vector.image.rows},
                 {"threshold", vector.threshold},
                 {"detections", detections},
                 {"outputs", outputs},
                 {"tolerance", to_json(vector.tolerance)}};
  if (vector.synthetic) {
    result["synthetic"] = *vector.synthetic;
  } else {
    const cv::Mat whole = vector.image.isContinuous() ? vector.image : vector.image.clone();
    result["bgr"] = to_base64({reinterpret_cast<const char*>(whole.data), whole.total() * 3});
  }
  return result;
}

/// `pixels` is what the pictures may still have.
cv::Mat image_of(const json& value, std::int64_t& pixels, std::optional<std::uint32_t>& synthetic) {
  const auto width = value.at("width").get<std::int64_t>();
  const auto height = value.at("height").get<std::int64_t>();
  if (value.contains("synthetic")) {
    if (width < 1 || height < 1 || width > kMaxSyntheticSide || height > kMaxSyntheticSide)
      throw std::runtime_error("size of a picture");
    pixels -= width * height;
    if (pixels < 0) throw std::runtime_error("the pictures are too large together");
    synthetic = value.at("synthetic").get<std::uint32_t>();
    return synthetic_picture(static_cast<int>(width), static_cast<int>(height), *synthetic);
  }
  if (width < 1 || height < 1 || width > kMaxPixels || height > kMaxPixels || width * height > kMaxPixels)
    throw std::runtime_error("size of a picture");
  cv::Mat image(static_cast<int>(height), static_cast<int>(width), CV_8UC3);
  if (!from_base64(value.at("bgr").get_ref<const std::string&>(), {image.data, image.total() * 3}))
    throw std::runtime_error("pixels of a picture");
  return image;
}

float finite(const json& value) {
  const auto number = value.get<float>();
  if (!std::isfinite(number)) throw std::runtime_error("a number that is not finite");
  return number;
}

ConformanceVector vector_of(const json& value, std::int64_t& pixels) {
  ConformanceVector vector;
  vector.name = value.at("name").get<std::string>();
  vector.image = image_of(value, pixels, vector.synthetic);
  vector.threshold = finite(value.at("threshold"));
  if (value.at("detections").size() > kMaxDetections || value.at("outputs").size() > kMaxOutputs)
    throw std::runtime_error("too many entries");
  for (const json& row : value.at("detections")) {
    vector.detections.push_back({{finite(row.at(0)), finite(row.at(1)), finite(row.at(2)), finite(row.at(3))},
                                 finite(row.at(4)),
                                 row.at(5).get<int>(),
                                 {}});
  }
  for (const json& output : value.at("outputs")) {
    OutputSample sample{output.at("name").get<std::string>(), output.at("shape").get<std::vector<std::int64_t>>(), {}};
    if (output.at("values").size() > kMaxValues) throw std::runtime_error("too many values");
    for (const json& number : output.at("values")) sample.values.push_back(finite(number));
    vector.outputs.push_back(std::move(sample));
  }
  const json& tolerance = value.at("tolerance");
  vector.tolerance = {finite(tolerance.at("box")), finite(tolerance.at("score")), finite(tolerance.at("output"))};
  return vector;
}

}  // namespace

std::string conformance_text(std::span<const ConformanceVector> vectors) {
  json list = json::array();
  for (const auto& vector : vectors) list.push_back(to_json(vector));
  return json{{"version", 1}, {"vectors", list}}.dump();
}

std::vector<ConformanceVector> parse_conformance(std::string_view json_text, const std::string& where) {
  DocumentLimits limits;
  limits.bytes = 64ULL << 20;
  try {
    const json document = parse_json(json_text, where, limits);
    if (document.at("version") != 1) throw std::runtime_error("a newer version of goshawk wrote it");
    if (document.at("vectors").size() > kMaxVectors) throw std::runtime_error("too many vectors");
    std::vector<ConformanceVector> vectors;
    std::int64_t pixels = kMaxAllPixels;
    for (const json& value : document.at("vectors")) vectors.push_back(vector_of(value, pixels));
    return vectors;
  } catch (const std::exception& error) {  // nlohmann's exceptions, that of a damaged text, and those above
    throw Error(ErrorCode::kBadData, std::string("the model's conformance vectors cannot be read: ") + error.what(), where,
                "Record them again with `goshawk verify --record`.");
  }
}

cv::Mat synthetic_picture(int width, int height, std::uint32_t seed) {
  require(width > 0 && height > 0, "synthetic_picture: a size");
  cv::Mat picture(height, width, CV_8UC3);
  std::uint32_t state = seed * 2654435761U + 1;
  const auto next = [&state](int limit) {
    state = state * 1664525U + 1013904223U;  // Numerical Recipes' generator
    return static_cast<int>((state >> 8) % static_cast<std::uint32_t>(std::max(1, limit)));
  };
  const std::array<int, 3> tilt = {next(256), next(256), next(256)};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const int value =
            40 +
            (x * tilt[static_cast<std::size_t>(c)] / width + y * (255 - tilt[static_cast<std::size_t>(c)]) / height) / 2;
        picture.at<cv::Vec3b>(y, x)[c] = static_cast<std::uint8_t>(value);
      }
    }
  }
  for (int shape = 0; shape < 24; ++shape) {
    const bool round = shape % 2 == 0;
    const int w = 1 + next(width / 3), h = 1 + next(height / 3), left = next(width), top = next(height);
    const cv::Vec3b color(static_cast<std::uint8_t>(next(256)), static_cast<std::uint8_t>(next(256)),
                          static_cast<std::uint8_t>(next(256)));
    for (int y = top; y < std::min(height, top + h); ++y) {
      for (int x = left; x < std::min(width, left + w); ++x) {
        const std::int64_t dx = 2 * (x - left) - w, dy = 2 * (y - top) - h;
        const bool inside = dx * dx * h * h + dy * dy * w * w <= static_cast<std::int64_t>(w) * w * h * h;
        if (!round || inside) picture.at<cv::Vec3b>(y, x) = color;
      }
    }
  }
  return picture;
}

}  // namespace goshawk::detect
