// Conformance vectors: small stored inputs with the detections that a model gave for them, kept in its ONNX metadata.
// Replaying them proves that pre-processing, inference and decoding still give the recorded answer on this machine, device
// and precision.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <opencv2/core/mat.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/core/detection.h"
#include "goshawk/detect/recognize.h"
#include "goshawk/runtime/session.h"

namespace goshawk::detect {

/// Metadata key of the vectors in an ONNX file; the value is JSON (docs/recipe.md).
inline constexpr const char* kConformanceKey = "goshawk.conformance";

/// How far a replay may be from the recording.
struct ConformanceTolerance {
  float box = 0.5F;      // pixels of the stored image, on any coordinate
  float score = 1e-3F;   // on the score of a detection
  float output = 1e-3F;  // on a value of the model's outputs, relative to 1 + |value|
  bool operator==(const ConformanceTolerance&) const = default;
};

/// Some values of one output of the model, evenly spaced.
struct OutputSample {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
  bool operator==(const OutputSample&) const = default;
};

struct ConformanceVector {
  std::string name;
  cv::Mat image;  // 8-bit BGR, at most 1 megapixel, or kMaxSyntheticSide on each side when synthetic
  std::optional<std::uint32_t>
      synthetic;                      // the picture is synthetic_picture(width, height, *synthetic): no pixels are stored
  float threshold = 0;                // on the score; lies in a wide gap, so that no detection is near it
  Detections detections;              // above the threshold, highest score first
  std::vector<OutputSample> outputs;  // empty for models whose outputs are lists in order of score
  ConformanceTolerance tolerance;     // for FP32
};

inline constexpr int kMaxSyntheticSide = 4096;  // pixels

/// A picture of gradients and shapes, the same on every machine (integer arithmetic only).
cv::Mat synthetic_picture(int width, int height, std::uint32_t seed);

struct NamedImage {
  std::string name;
  cv::Mat image;  // 8-bit BGR; stored shrunk to at most 256 pixels on its longer side
};

/// What `record_conformance` found; `write_conformance` puts it into a file.
struct Recording {
  Recipe recipe;
  std::vector<ConformanceVector> vectors;
};

/// Runs the model on `images` (two synthetic pictures if there are none) in FP32 and notes what it gives.
/// Throws as Detector::load and detect do; Error{kUsage} for more than 32 images.
Recording record_conformance(const std::filesystem::path& model, std::span<const NamedImage> images,
                             const runtime::SessionOptions& session, const RecipeChoices& choices = {});

/// Copies `model` to `target` (may be the same path) with the recipe and the vectors in its metadata. Atomic.
/// Throws as runtime::write_metadata does.
void write_conformance(const std::filesystem::path& model, const std::filesystem::path& target, const Recording& recording);

/// The vectors of a metadata value. Throws Error{kBadData} for text that is damaged or too large.
std::vector<ConformanceVector> parse_conformance(std::string_view json_text, const std::string& where);
std::string conformance_text(std::span<const ConformanceVector> vectors);

/// How one vector's replay went.
struct ConformanceResult {
  std::string name;
  bool passed = false;
  int expected = 0, matched = 0, missing = 0, unexpected = 0;  // detections
  float box_error = 0;                                         // greatest of the matched ones, pixels
  float score_error = 0;
  float output_error = 0;  // relative, see ConformanceTolerance
  std::string misfit;      // of an output that is missing or of another shape, in words; empty: none
  ConformanceTolerance tolerance;

  /// What does not fit, in words; empty when it passed.
  std::string why() const;
};

struct ConformanceReport {
  runtime::Device device;
  runtime::Precision precision = runtime::Precision::kFp32;
  std::string model_hash;
  std::vector<ConformanceResult> results;
  bool passed() const;
};

/// Replays the model's vectors on the device and precision of `session`. Without `tolerance` the stored one counts for
/// FP32; reduced precision gets multiples of it (boxes 4, scores 8, outputs 50 times for FP16; 8, 50, 400 for BF16). The
/// model's own recipe is used. Throws Error{kBadConfig} when the model has no vectors, {kBadData} when they cannot be read or
/// there is none in the list, and as Detector::load does.
ConformanceReport verify_conformance(const std::filesystem::path& model, const runtime::SessionOptions& session,
                                     const std::optional<ConformanceTolerance>& tolerance = {});

nlohmann::ordered_json to_json(const ConformanceTolerance& tolerance);

/// For `goshawk verify --json`.
nlohmann::ordered_json to_json(const ConformanceReport& report);

}  // namespace goshawk::detect
