// The search for the INT8 model: calibration method, placement, and layers that stay in float, chosen by measuring.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "goshawk/core/recipe.h"
#include "goshawk/optimize/judge.h"
#include "goshawk/optimize/precision.h"
#include "goshawk/optimize/quantize.h"

namespace goshawk::optimize {

/// Pictures to calibrate with, and labelled ones to judge on, none of which is both.
struct Material {
  std::vector<std::filesystem::path> calibration;
  std::optional<dataset::Dataset> evaluation;  // nullopt: there are no labels
  std::map<std::string, std::string> renamed;  // classes of the model that the data set calls otherwise; "": left out
  std::shared_ptr<const void> unpacked;        // keeps the temporary folder of an unpacked archive
};

/// Calibrates on the split `train` and judges on `val` (else `test`); a set without splits is cut in two halves at random
/// (the same for the same set). At most `calibration_images` and `evaluation_images` of each; 0: all.
Material material_of(const dataset::Dataset& set, std::size_t calibration_images, std::size_t evaluation_images);

/// A model that is ready to be changed: read, checked, in FP32, simplified.
struct Prepared {
  std::filesystem::path path;  // of the original
  Recipe recipe;
  onnx::Model model;
  std::size_t nodes_before = 0;  // of the original
  Storage stored;                // of the original; what is written goes back with stored_as
  runtime::Device runs_on;       // what `auto` settled on
  runtime::Precision runs_in = runtime::Precision::kFp32;
};
/// Throws what reading and recognising throw.
Prepared prepare_model(const std::filesystem::path& path, const detect::DetectorOptions& options);
/// Throws Error{kBadConfig} where it cannot be brought to operator set 13, which `what` ("INT8") needs.
void bring_to_13(Prepared& prepared, const std::string& what);

/// What one setting gave.
struct Int8Trial {
  QuantizeOptions options;
  Accuracy accuracy;        // ap -1 where there are no labels
  double output_error = 0;  // relative root mean square of the model's outputs against the float model's
};

/// Without an accuracy where none was measured.
nlohmann::ordered_json to_json(const Int8Trial& trial);

struct Int8Options {
  std::vector<RangeMethod> methods{std::begin(kRangeMethods), std::end(kRangeMethods)};
  std::optional<Placement> placement;      // nullopt: by the device that ran the float model
  std::optional<Activations> activations;  // nullopt: by the device; asymmetric too where symmetric loses over `good_drop`
  std::optional<bool> narrow_weights;      // nullopt: where the device needs them (saturation.h)
  std::set<std::string> float_layers;      // that stay in float whatever comes
  double max_drop = 1.0;                   // points of AP50-95 (of 100)
  double good_drop = 0.5;                  // below this (or max_drop, where that is less) the search ends early
  std::size_t most_refined_layers = 6;     // that are tried with each method
  int probe_images = 8;  // on which outputs are compared
  std::stop_token stop;
  std::function<void(const std::string& doing, std::int64_t done, std::int64_t total)> progress;  // may be empty
};

struct Int8Outcome {
  Quantized best;
  Int8Trial trial;                                      // of the best
  Accuracy original;                                    // of the float model on the same device
  std::vector<Int8Trial> trials;                        // in order
  std::vector<std::pair<std::string, double>> ranking;  // layer and output error when it alone is quantized, worst first
  int calibration_images = 0;
  std::vector<std::string> left_out;  // pictures that could not be read, one line each
  double drop() const { return 100 * (original.ap - trial.accuracy.ap); }
};

/// Makes INT8 forms of one float model. Not thread-safe.
class Int8Maker {
 public:
  /// `pictures` to calibrate with; `judge` null: there are no labels. All must outlive it.
  Int8Maker(const Prepared& prepared, const std::vector<std::filesystem::path>& pictures, Judge* judge)
      : prepared_(prepared), pictures_(pictures), judge_(judge) {}

  /// Calibrates at the first call. Tries the methods and keeps the best. Where it loses more than `good_drop`, the layers
  /// that cost most get the method that brings the outputs nearest; where that is still more than `max_drop`, they go back
  /// into float until it fits, or half of them are there. Without labels the output error decides, and no layer is put back.
  /// Throws Error{kInterrupted}, {kUsage} for a float layer that is not there, {kBadConfig} for a model without
  /// convolutions, {kBadData} where the float model finds nothing of what is labelled, and what calibrating, quantizing and
  /// judging throw.
  Int8Outcome make(const detect::DetectorOptions& device, const Int8Options& options);

 private:
  const Prepared& prepared_;
  const std::vector<std::filesystem::path>& pictures_;
  Judge* judge_;
  std::optional<Calibration> calibration_;
};

}  // namespace goshawk::optimize
