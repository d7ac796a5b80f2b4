// A detector: images in, detections out.
#pragma once

#include <filesystem>
#include <future>
#include <memory>
#include <opencv2/core/mat.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "goshawk/core/detection.h"
#include "goshawk/core/latency.h"
#include "goshawk/core/recipe.h"
#include "goshawk/runtime/session.h"

namespace goshawk::runtime {
class ModelStore;
}

namespace goshawk::detect {

struct DetectorOptions {
  runtime::SessionOptions session;
  std::optional<std::filesystem::path> recipe;       // YAML; overrides what the model says of itself
  std::optional<std::filesystem::path> class_names;  // a text file, one name a line; must fit the model
  std::optional<float> confidence;                   // threshold on the score; else the recipe's
  std::optional<float> iou;                          // threshold of NMS; else the recipe's
  bool agnostic_nms = false;                         // boxes of different classes suppress each other too
  std::optional<int> max_detections;                 // per image; else the recipe's
  std::optional<int> image_size;                     // square input of this side, for models of dynamic size
  std::vector<std::string> classes;                  // names or numbers to keep; empty: all
};

/// Which of the classes `names` the words of DetectorOptions::classes mean: names, else numbers. SHAPE: an entry a class;
/// empty without words. Throws Error{kUsage} for one that means none.
std::vector<bool> kept_classes(const std::vector<std::string>& wanted, const std::vector<std::string>& names);

/// Time by step of `detect` and `submit`, a sample a call. Where several runs go side by side
/// (SessionOptions::parallel_runs) it is their mean: about the time that passed, not the sum over threads.
struct DetectorTimings {
  LatencyRecorder prepare, inference, decode;
};

/// Not thread-safe: one thread calls `detect` and `submit`. Batches larger than the model takes are run in parts.
class Detector {
 public:
  /// Loads the model and settles its recipe: from metadata, the YAML given, or recognised by its outputs.
  /// Throws Error{kBadConfig} when the recipe is unknown or ambiguous, saying what is needed; {kUsage} for options out of
  /// range and classes that the model does not have; and what Session::load throws.
  static std::unique_ptr<Detector> load(const std::filesystem::path& model, const DetectorOptions& options = {});
  /// The same of a model, by path or name, that `store` keeps loaded: without a wait if it does already. The detector keeps
  /// the session, not the store. Throws as ModelStore::get does, too.
  static std::unique_ptr<Detector> load(runtime::ModelStore& store, const std::string& model,
                                        const DetectorOptions& options = {});
  virtual ~Detector() = default;

  /// Detections of each image, highest score first, in that image's pixels, clipped to it. Images may differ in size.
  virtual std::vector<Detections> detect(std::span<const cv::Mat> images) = 0;
  /// `detect` without waiting for it: a device that runs several images side by side stays busy when the next ones are
  /// submitted before the first are done. The images are shared, not copied, and must not change until then. What is
  /// submitted first starts first. May wait until there is room. Ready before the detector ends. By default the images are
  /// detected when the result is asked for.
  virtual std::future<std::vector<Detections>> submit(std::vector<cv::Mat> images) {
    return std::async(std::launch::deferred, [this, all = std::move(images)] { return detect(all); });
  }
  /// Images that gain from being in one call; more only wait for each other.
  virtual int useful_batch() const { return 64; }
  /// Images of the recipe's input size that one call may hold in 80 % of the free memory (runtime/batch.h); measured, which
  /// takes two runs. 1 for a model of fixed batch 1.
  virtual int fitting_batch() { return 1; }
  virtual const Recipe& recipe() const = 0;
  virtual const runtime::Session& session() const = 0;
  /// Complete when every call has given its result.
  virtual const DetectorTimings& timings() const = 0;
};

}  // namespace goshawk::detect
