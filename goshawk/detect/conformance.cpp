#include "goshawk/detect/conformance.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <opencv2/imgproc.hpp>

#include "goshawk/core/error.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/utf8.h"
#include "goshawk/detect/inference.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/runtime/model_file.h"

namespace goshawk::detect {
namespace {

constexpr std::size_t kMaxImages = 32;
constexpr int kStoredSide = 256;  // pixels, of a user's image
constexpr std::size_t kMostDetections = 30;
constexpr std::size_t kSampledValues = 128;

struct Replay {
  Detections detections;  // above lowest_score
  std::vector<runtime::Tensor> outputs;
};

/// Outputs that list boxes by score swap rows when two scores are near, so their values prove nothing.
bool outputs_keep_their_places(Family family) {
  return family != Family::kYoloEnd2End && family != Family::kDetections && family != Family::kDetr;
}

/// What a detector's evaluation looks at; all that there is where detections are the only proof.
float lowest_score(Family family) { return outputs_keep_their_places(family) ? 0.001F : 0.0F; }

Replay replay(Inference& inference, const cv::Mat& image) {
  const InputSize size = inference.input_size(image);
  const std::vector<const cv::Mat*> images = {&image};
  Inferred inferred = inference.run(inference.fill(images, size), size);
  const Recipe& recipe = inference.recipe();
  Detections detections =
      inference.decode(inferred, 0, {lowest_score(recipe.family), {}}, {recipe.iou, recipe.max_detections});
  return {std::move(detections), std::move(inferred.outputs)};
}

/// A threshold in the middle of the widest gap among the best scores: detections on either side stay there when scores
/// change a little. `lowest`: what the best score is held against where there is no detection.
float widest_gap(const Detections& detections, float lowest) {
  if (detections.empty()) return lowest;
  const std::size_t count = std::min(detections.size(), kMostDetections);
  float best_gap = -1, threshold = lowest;
  for (std::size_t i = 0; i < count; ++i) {
    const float below = i + 1 < detections.size() ? detections[i + 1].score : lowest;
    const float gap = detections[i].score - below;
    if (gap <= best_gap) continue;
    best_gap = gap;
    threshold = (detections[i].score + below) / 2;
  }
  return threshold;
}

/// Values of the first image: of a model of a fixed larger batch the rest is not defined.
std::vector<float> sampled(const runtime::Tensor& tensor) {
  std::size_t count = tensor.size();
  if (tensor.shape.size() > 2 && tensor.shape[0] > 1) count /= static_cast<std::size_t>(tensor.shape[0]);
  std::vector<float> values;
  const std::size_t wanted = std::min(count, kSampledValues);
  for (std::size_t i = 0; i < wanted; ++i) values.push_back(tensor.values()[i * count / wanted]);
  return values;
}

ConformanceVector record_one(Inference& inference, const std::string& name, const cv::Mat& image,
                             std::optional<std::uint32_t> synthetic) {
  const Replay result = replay(inference, image);
  ConformanceVector vector;
  vector.name = valid_utf8(name);
  vector.image = image;
  vector.synthetic = synthetic;
  vector.threshold = widest_gap(result.detections, lowest_score(inference.recipe().family));
  std::copy_if(result.detections.begin(), result.detections.end(), std::back_inserter(vector.detections),
               [&](const Detection& d) { return d.score > vector.threshold; });
  if (!outputs_keep_their_places(inference.recipe().family)) return vector;
  for (std::size_t i = 0; i < result.outputs.size(); ++i) {
    const auto values = sampled(result.outputs[i]);
    if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) {
      throw Error(ErrorCode::kBadData, "the model gives values that are not finite; nothing was recorded",
                  inference.session().outputs()[i].name);
    }
    vector.outputs.push_back({valid_utf8(inference.session().outputs()[i].name), result.outputs[i].shape, values});
  }
  return vector;
}

cv::Mat shrunk(const cv::Mat& image) {
  const int longer = std::max(image.cols, image.rows);
  if (longer <= kStoredSide) return image;
  const double ratio = static_cast<double>(kStoredSide) / longer;
  cv::Mat small;
  cv::resize(image, small,
             {std::max(1, static_cast<int>(image.cols * ratio)), std::max(1, static_cast<int>(image.rows * ratio))}, 0, 0,
             cv::INTER_AREA);
  return small;
}

float box_distance(const Box& a, const Box& b) {
  return std::max({std::abs(a.x1 - b.x1), std::abs(a.y1 - b.y1), std::abs(a.x2 - b.x2), std::abs(a.y2 - b.y2)});
}

/// Pairs each expected detection with the nearest free one of its class within the tolerances.
void compare_detections(const ConformanceVector& vector, const Detections& found, ConformanceResult& result) {
  const ConformanceTolerance& tolerance = result.tolerance;
  std::vector<bool> taken(found.size(), false);
  for (const Detection& expected : vector.detections) {
    std::optional<std::size_t> best;
    float best_distance = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (taken[i] || found[i].class_id != expected.class_id || std::abs(found[i].score - expected.score) > tolerance.score)
        continue;
      const float distance = box_distance(found[i].box, expected.box);
      if (distance > tolerance.box || (best && distance >= best_distance)) continue;
      best = i;
      best_distance = distance;
    }
    if (!best) {
      ++result.missing;
      continue;
    }
    taken[*best] = true;
    ++result.matched;
    result.box_error = std::max(result.box_error, best_distance);
    result.score_error = std::max(result.score_error, std::abs(found[*best].score - expected.score));
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!taken[i] && found[i].score > vector.threshold + tolerance.score) ++result.unexpected;
  }
}

void compare_outputs(const ConformanceVector& vector, const Inference& inference,
                     const std::vector<runtime::Tensor>& outputs, ConformanceResult& result) {
  for (const OutputSample& expected : vector.outputs) {
    const auto& infos = inference.session().outputs();
    const auto info =
        std::find_if(infos.begin(), infos.end(), [&](const auto& other) { return valid_utf8(other.name) == expected.name; });
    if (info == infos.end()) {
      result.misfit = "there is no output '" + expected.name + "'";
      return;
    }
    const runtime::Tensor& output = outputs[static_cast<std::size_t>(info - infos.begin())];
    const std::vector<float> values = sampled(output);
    if (output.shape != expected.shape || values.size() != expected.values.size()) {
      result.misfit = fmt::format("output '{}' is [{}], not [{}]", expected.name, fmt::join(output.shape, ", "),
                                  fmt::join(expected.shape, ", "));
      return;
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float error = std::abs(values[i] - expected.values[i]) / (1 + std::abs(expected.values[i]));
      result.output_error = std::isfinite(error) ? std::max(result.output_error, error) : std::numeric_limits<float>::max();
    }
  }
}

ConformanceResult verify_one(Inference& inference, const ConformanceVector& vector, const ConformanceTolerance& tolerance) {
  ConformanceResult result;
  result.name = vector.name;
  result.tolerance = tolerance;
  result.expected = static_cast<int>(vector.detections.size());
  const Replay now = replay(inference, vector.image);
  compare_detections(vector, now.detections, result);
  compare_outputs(vector, inference, now.outputs, result);
  result.passed = result.why().empty();
  return result;
}

/// Half precision has 10 bits behind the point and bfloat16 has 7, FP32 23; a network's layers add up the differences, most
/// where raw outputs are large and far from any object. Measured with BF16 on yolox_nano and nanodet: boxes 0.65 pixel,
/// scores 0.027, outputs 0.17.
ConformanceTolerance tolerance_for(runtime::Precision precision, const ConformanceTolerance& stored) {
  switch (precision) {
    case runtime::Precision::kFp16:
      return {stored.box * 4, stored.score * 8, stored.output * 50};
    case runtime::Precision::kBf16:
      return {stored.box * 8, stored.score * 50, stored.output * 400};
    default:
      return stored;
  }
}

}  // namespace

Recording record_conformance(const std::filesystem::path& model, std::span<const NamedImage> images,
                             const runtime::SessionOptions& session, const RecipeChoices& choices) {
  if (images.size() > kMaxImages) throw Error(ErrorCode::kUsage, "at most 32 images can be recorded", "images");
  runtime::SessionOptions options = session;
  options.precision = runtime::Precision::kFp32;
  Inference inference(model, options, choices);
  Recording recording{inference.recipe(), {}};
  for (const auto& [name, image] : images)
    recording.vectors.push_back(record_one(inference, name, shrunk(image), std::nullopt));
  if (!images.empty()) return recording;
  const int width = recording.recipe.input_width, height = recording.recipe.input_height;
  // One picture that is scaled down, and one of another aspect ratio that is scaled up.
  recording.vectors.push_back(record_one(
      inference, "synthetic 1",
      synthetic_picture(std::min(width * 3 / 2, kMaxSyntheticSide), std::min(height * 5 / 4, kMaxSyntheticSide), 1), 1U));
  recording.vectors.push_back(record_one(
      inference, "synthetic 2",
      synthetic_picture(std::clamp(width / 2, 1, kMaxSyntheticSide), std::clamp(height * 2 / 3, 1, kMaxSyntheticSide), 2),
      2U));
  return recording;
}

void write_conformance(const std::filesystem::path& model, const std::filesystem::path& target, const Recording& recording) {
  runtime::write_metadata(
      model, target, {{kRecipeKey, recipe_text(recording.recipe)}, {kConformanceKey, conformance_text(recording.vectors)}});
}

std::string ConformanceResult::why() const {
  std::vector<std::string> reasons;
  if (!misfit.empty()) reasons.push_back(misfit);
  if (missing > 0) reasons.push_back(fmt::format("{} of {} not found again", missing, expected));
  if (unexpected > 0) reasons.push_back(fmt::format("{} not recorded", unexpected));
  if (!(output_error <= tolerance.output))
    reasons.push_back(fmt::format("outputs differ by {:g}, allowed are {:g}", output_error, tolerance.output));
  return fmt::format("{}", fmt::join(reasons, "; "));
}

bool ConformanceReport::passed() const {
  return !results.empty() && std::all_of(results.begin(), results.end(), [](const auto& result) { return result.passed; });
}

ConformanceReport verify_conformance(const std::filesystem::path& model, const runtime::SessionOptions& session,
                                     const std::optional<ConformanceTolerance>& tolerance) {
  const auto metadata = runtime::inspect_model(model).metadata;  // before a device is made busy
  const auto text = metadata.find(kConformanceKey);
  if (text == metadata.end()) {
    throw Error(ErrorCode::kBadConfig, "the model has no conformance vectors", model.string(),
                "Record them on a machine you trust: goshawk verify --record MODEL");
  }
  const auto vectors = parse_conformance(text->second, model.string() + ": metadata " + kConformanceKey);
  if (vectors.empty()) throw Error(ErrorCode::kBadData, "the model's list of conformance vectors is empty", model.string());
  Inference inference(model, session, {});
  ConformanceReport report{
      inference.session().device(), inference.session().precision(), inference.session().model_hash(), {}};
  for (const auto& vector : vectors) {
    report.results.push_back(
        verify_one(inference, vector, tolerance.value_or(tolerance_for(report.precision, vector.tolerance))));
  }
  return report;
}

nlohmann::ordered_json to_json(const ConformanceTolerance& tolerance) {
  return {{"box", json_number(tolerance.box)},
          {"score", json_number(tolerance.score)},
          {"output", json_number(tolerance.output)}};
}

nlohmann::ordered_json to_json(const ConformanceReport& report) {
  auto results = nlohmann::ordered_json::array();
  for (const auto& result : report.results) {
    results.push_back({{"name", result.name},
                       {"passed", result.passed},
                       {"why", result.why()},
                       {"expected", result.expected},
                       {"matched", result.matched},
                       {"missing", result.missing},
                       {"unexpected", result.unexpected},
                       {"box_error", result.box_error},
                       {"score_error", result.score_error},
                       {"output_error", result.output_error},
                       {"tolerance", to_json(result.tolerance)}});
  }
  return {{"passed", report.passed()},
          {"device", runtime::to_string(report.device)},
          {"precision", runtime::to_string(report.precision)},
          {"model_hash", report.model_hash},
          {"vectors", results}};
}

}  // namespace goshawk::detect
