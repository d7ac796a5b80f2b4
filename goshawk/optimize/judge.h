// How accurate and how fast a model is here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <opencv2/core/mat.hpp>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "goshawk/dataset/dataset.h"
#include "goshawk/detect/detector.h"

namespace goshawk::optimize {

/// COCO's figures in [0, 1]; -1 where there is nothing to measure.
struct Accuracy {
  double ap = -1;  // AP50-95
  double ap50 = -1;
  bool operator==(const Accuracy&) const = default;
};

/// Labelled pictures in memory, over which models are judged again and again. Not thread-safe.
class Judge {
 public:
  using Progress = std::function<void(std::int64_t done, std::int64_t total)>;

  /// Keeps a copy of `truth` without the images that cannot be read, or are of another shape than their labels (they are
  /// listed in `left_out`). Pictures are kept decoded up to `cache_bytes`, the rest is read each time. `renamed`: as
  /// evaluate::match_classes takes it. Throws Error{kBadData} when no picture or no object is left.
  explicit Judge(dataset::Dataset truth, std::map<std::string, std::string> renamed = {},
                 std::uint64_t cache_bytes = 1ULL << 30);

  const dataset::Dataset& truth() const { return truth_; }
  const std::vector<std::string>& left_out() const { return left_out_; }

  /// AP of a detector that keeps boxes from confidence 0.001 on. Classes are matched by name. Throws what
  /// evaluate::match_classes throws, and Error{kInterrupted}.
  Accuracy accuracy(detect::Detector& detector, const std::stop_token& stop = {}, const Progress& progress = {});

  /// The same of a file, loaded under `judging_options` and without a cache of compiled models.
  Accuracy accuracy(const std::filesystem::path& model, detect::DetectorOptions options, const std::stop_token& stop = {},
                    const Progress& progress = {});

  /// The first pictures, as many as are wanted and there, for timing.
  std::vector<cv::Mat> pictures(std::size_t most);

 private:
  cv::Mat image(std::size_t index);

  dataset::Dataset truth_;
  std::map<std::string, std::string> renamed_;
  std::vector<cv::Mat> cached_;
  std::vector<std::string> left_out_;
};

/// Throws Error{kBadData} when the original at `model` finds nothing of what it is judged on: with an AP of 0 nothing can be
/// lost, and whatever is made of it would pass.
void require_findings(const Accuracy& original, const std::filesystem::path& model);

/// The options under which `Judge::accuracy` is COCO's AP.
detect::DetectorOptions judging_options(detect::DetectorOptions options);

}  // namespace goshawk::optimize
