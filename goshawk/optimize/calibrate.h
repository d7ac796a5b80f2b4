// What passes through a model on real pictures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "goshawk/core/recipe.h"
#include "goshawk/onnx/model.h"
#include "goshawk/optimize/ranges.h"
#include "goshawk/runtime/plain_model.h"

namespace goshawk::optimize {

/// What was seen of one float value.
struct ValueStatistics {
  Histogram histogram;
  std::vector<double> channel_means;    // over pictures and places, axis 1 of a value of rank 4; empty for others
  std::vector<double> channel_squares;  // the same of the values' squares
  std::vector<Range> channel_ranges;    // what was seen of each channel
  std::vector<Range> channel_extremes;  // least and greatest of a channel in a picture, averaged over the pictures
  onnx::Shape shape;                    // of the last picture
};

struct Calibration {
  std::map<std::string, ValueStatistics> values;
  int images = 0;
  std::vector<std::string> left_out;  // pictures that could not be read, one line each
};

/// Adds a picture's values, number `image` from 0. SHAPE: as the model gives it, channels at axis 1.
void add_values(ValueStatistics& statistics, std::span<const float> values, onnx::Shape shape, int image);

struct CalibrateOptions {
  int threads = 0;  // 0: all cores
  std::stop_token stop;
  std::function<void(std::int64_t done, std::int64_t total)> progress;  // may be empty
};

/// A picture as the model's input, as detect/ makes it: [N, 3, H, W] or [N, H, W, 3], for a fixed batch N times the same,
/// else once; without N where `input` has none. Throws what reading it throws.
runtime::RawTensor image_tensor(const std::filesystem::path& image, const Recipe& recipe, const onnx::ValueInfo& input);

/// Names of the float values that can be looked at: the model's inputs and what its nodes make. Throws what infer_types
/// throws.
std::set<std::string> float_values(const onnx::Model& model);

/// The model with `values` for its outputs, without nodes and constants that none of them needs.
onnx::Model with_outputs(const onnx::Model& model, const std::set<std::string>& values);

/// Runs the model in FP32 on the pictures and notes what passes through `values`. The model has one input, an image.
/// Throws Error{kNotFound} when there is no picture, {kBadData} when none can be read or values are not finite,
/// {kBadConfig} for a model of several inputs, {kInterrupted}.
Calibration calibrate(const onnx::Model& model, const Recipe& recipe, const std::vector<std::filesystem::path>& images,
                      const std::set<std::string>& values, const CalibrateOptions& options = {});

}  // namespace goshawk::optimize
