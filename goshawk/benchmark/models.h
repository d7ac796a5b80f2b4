// How fast a model is on a device, end to end: an image in memory in, detections out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <opencv2/core/mat.hpp>
#include <span>
#include <string>
#include <vector>

#include "goshawk/benchmark/measure.h"
#include "goshawk/detect/detector.h"

namespace goshawk::benchmark {

/// One model in one setting.
struct Candidate {
  std::string name;  // for tables; empty: the file's name without its ending
  std::filesystem::path model;
  // Device, precision, threads, cache; recipe and thresholds; image_size. `session.parallel_runs` streams call at the same
  // time.
  detect::DetectorOptions options;
  // Images a call; 0: as many as the model was exported for, 1 where that is open. Models of a fixed batch take no other.
  int batch = 0;
};

/// What was loaded, and what loading it cost.
struct LoadedInfo {
  std::string name;
  std::filesystem::path model;
  std::string sha256;
  std::uint64_t bytes = 0;  // of the file and its external weights
  runtime::Device device;
  runtime::Precision precision = runtime::Precision::kFp32;
  std::string provider;                                   // with its version
  int threads = 0;                                        // 0: every core
  int streams = 1, batch = 1;                             // streams: what the device really runs side by side
  int width = 0, height = 0;                              // of the input in pixels; 0 for models that take no image
  std::vector<std::vector<std::int64_t>> input_shapes;    // of each input in one call, without -1
  bool detector = true;                                   // false: only inference is measured, on random values
  std::string note;                                       // why it is no detector; empty for detectors
  double load_ms = 0;                                     // reading, compiling or taking from the cache, first run
  bool from_cache = false;                                // the compiled model was taken from the cache
  std::uint64_t resident_before = 0, resident_after = 0;  // bytes of this process before and after loading
  std::uint64_t device_before = 0, device_after = 0;      // the same of the GPU's memory
};

/// A model that is ready to be measured. Loads once; `contestant` refers to it. Not thread-safe, but that `call` of its
/// contestant may be called from `streams` threads, each with its own number.
class LoadedModel {
 public:
  /// `pictures`: 8-bit BGR, shown in turn; they are shared, not copied. Empty: a synthetic picture of 1280 x 720, brought to
  /// the model's whole input (models of dynamic size would else compute a smaller rectangle).
  /// Throws as Session::load does; Error{kBadConfig} for a recipe file that does not fit; {kUsage} for a batch, or a size
  /// that the model does not take. A model that is not a detector, or whose recipe cannot be told, is measured as far as
  /// inference goes.
  static std::unique_ptr<LoadedModel> load(const Candidate& candidate, const std::vector<cv::Mat>& pictures = {});
  virtual ~LoadedModel() = default;
  virtual const LoadedInfo& info() const = 0;
  virtual Contestant contestant() = 0;
};

/// A candidate's figures (statistics.h).
struct Measurement {
  LoadedInfo model;
  Samples samples;
};

/// Loads every candidate, then measures them in turns: what `measure` says. SHAPE: candidates. Throws what loading and
/// running throw, Error{kInterrupted}. The time of a call is what one call takes in its own thread: preparing the images,
/// inference with the outputs in the CPU's memory (on a GPU that waits until it is done), decoding and suppression.
///
///   const auto figures = measure_models({{.model = "a.onnx"}, {.model = "b.onnx"}}, pictures);
///   const Interval gain = speed_up(figures[0].samples, figures[1].samples, true);   // gain.low > 1: b is surely faster
std::vector<Measurement> measure_models(const std::vector<Candidate>& candidates, const std::vector<cv::Mat>& pictures = {},
                                        const MeasureOptions& options = {});

}  // namespace goshawk::benchmark
