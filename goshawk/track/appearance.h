// What an object looks like, as a vector from a re-identification network.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace goshawk::track {

/// A track's appearance, smoothed over time. Source: BoT-SORT (Aharon et al. 2022), exponential mean with alpha 0.9.
class Appearance {
 public:
  /// `seen` may be null: nothing is learnt then. A vector of another length starts afresh.
  void learn(const std::vector<float>* seen) {
    if (!seen) return;
    const bool first = smooth_.size() != seen->size();
    if (first) smooth_.assign(seen->size(), 0.0F);
    const double old = first ? 0 : kOldPart;
    const double scale = 1 / std::max(length(*seen), 1e-12);
    for (std::size_t i = 0; i < smooth_.size(); ++i) {
      smooth_[i] = static_cast<float>(old * smooth_[i] + (1 - old) * scale * (*seen)[i]);
    }
    const double total = std::max(length(smooth_), 1e-12);
    for (float& value : smooth_) value = static_cast<float>(value / total);
  }
  /// Half of the cosine distance, in [0, 1]; 1 when it is not known.
  double distance(const std::vector<float>* seen) const {
    if (!seen || seen->size() != smooth_.size()) return 1;
    double dot = 0;
    for (std::size_t i = 0; i < smooth_.size(); ++i) dot += static_cast<double>(smooth_[i]) * (*seen)[i];
    const double distance = std::max(0.0, 1 - dot / std::max(length(*seen), 1e-12)) / 2;
    return std::isfinite(distance) ? distance : 1;
  }

 private:
  static constexpr double kOldPart = 0.9;
  static double length(const std::vector<float>& vector) {
    double sum = 0;
    for (const float value : vector) sum += static_cast<double>(value) * value;
    return std::sqrt(sum);
  }
  std::vector<float> smooth_;  // of unit length
};

}  // namespace goshawk::track
