// Appearance vectors: what an object looks like, as numbers that a tracker compares.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <opencv2/core/mat.hpp>
#include <span>
#include <vector>

#include "goshawk/core/geometry.h"
#include "goshawk/core/latency.h"
#include "goshawk/core/recipe.h"
#include "goshawk/runtime/session.h"

namespace goshawk::detect {

struct EmbedderOptions {
  runtime::SessionOptions session;
  // Tensor value = (pixel - mean) / deviation, in the tensor's channel order; ImageNet's, as re-identification models want.
  ColorOrder color = ColorOrder::kRgb;
  std::array<float, 3> mean{123.675F, 116.28F, 103.53F};
  std::array<float, 3> deviation{58.395F, 57.12F, 57.375F};
};

/// A re-identification network: an input [N, 3, height, width] of fixed height and width, an output [N, dimension].
/// Each box's part of the image is stretched to the input (as torchreid and FastReID do at test time). Not thread-safe.
class Embedder {
 public:
  /// Throws Error{kBadConfig} when the model has other inputs or outputs, and what Session::load throws.
  static std::unique_ptr<Embedder> load(const std::filesystem::path& model, const EmbedderOptions& options = {});
  virtual ~Embedder() = default;

  /// For each box (pixels of `image`, 8-bit BGR) a vector of unit length; empty for a box that has no pixel in the image,
  /// and where the network gives nothing that has a length. Box sides are rounded to whole pixels.
  virtual std::vector<std::vector<float>> embed(const cv::Mat& image, std::span<const Box> boxes) = 0;
  /// Numbers in a vector.
  virtual int dimension() const = 0;
  virtual const runtime::Session& session() const = 0;
  /// A sample a call of `embed` that had boxes.
  virtual const LatencyRecorder& timings() const = 0;
};

}  // namespace goshawk::detect
