// How the camera moved between two frames, from points that stand still in the scene.
#pragma once

#include <opencv2/core/mat.hpp>
#include <optional>
#include <vector>

#include "goshawk/track/observation.h"

namespace goshawk::track {

/// Follows corners from frame to frame at half size with sparse optical flow and fits a similarity (turn, scale, shift).
/// Not thread-safe. Source: BoT-SORT's `sparseOptFlow` (Aharon et al. 2022): 1000 corners of quality 0.01, RANSAC.
class CameraMotionEstimator {
 public:
  /// `image`: 8-bit BGR or grey. Returns the motion since the last image; nothing for the first one, when the size changed,
  /// or when there is too little to see.
  std::optional<CameraMotion> update(const cv::Mat& image);

 private:
  cv::Mat previous_;
  std::vector<cv::Point2f> corners_;  // in previous_
};

}  // namespace goshawk::track
