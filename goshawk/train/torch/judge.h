// The network's answers on the images that it does not learn from.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "goshawk/train/torch/compute.h"
#include "goshawk/train/torch/loss.h"
#include "goshawk/train/torch/modules.h"
#include "goshawk/train/validation.h"

namespace goshawk::train {

struct Judgement {
  Metrics metrics;
  LossParts loss;                 // mean of an image
  std::vector<Detections> found;  // an entry an image of the val split, empty for one that cannot be read
};

/// Runs networks over the val split. Images that cannot be read are left out of everything. Not thread-safe.
class Judge {
 public:
  /// `set` must outlive it.
  Judge(const TrainingSet& set, const Network& network, int side, int batch, std::uint64_t cache_bytes);

  /// Evaluation mode. Throws Error{kInterrupted}, and {kBadData} where too many (too_many_unreadable) of the images cannot
  /// be read.
  Judgement operator()(DetectionNetwork& network, const DetectionLoss& criterion, const Compute& compute, const char* title,
                       bool quiet, std::stop_token stop);
  /// What was judged by, without images that could not be read: known after the first call.
  const dataset::Dataset& truth() const { return truth_; }
  /// The entries of `found` for the images of `truth()`.
  std::vector<Detections> of_truth(const std::vector<Detections>& found) const;
  ValidationImages& images() { return images_; }
  /// "path: reason", known after the first call.
  const std::vector<std::string>& unreadable() const { return unreadable_; }

 private:
  void leave_out(const std::vector<std::pair<std::size_t, std::string>>& unreadable);

  const TrainingSet& set_;
  Network description_;
  int side_;
  ValidationImages images_;
  dataset::Dataset truth_;
  std::vector<std::size_t> judged_;  // index in the val split of each image of `truth_`; none before the first call
  std::vector<std::string> unreadable_;
};

}  // namespace goshawk::train
