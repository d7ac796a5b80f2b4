#include "goshawk/track/camera_motion.h"

#include <opencv2/calib3d.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/video/tracking.hpp>

#include "goshawk/core/error.h"

namespace goshawk::track {

namespace {

constexpr int kDownscale = 2;
constexpr int kSmallestSide = 16;  // pixels, after downscaling
constexpr std::size_t kFewestPairs = 5;

cv::Mat small_grey(const cv::Mat& image) {
  cv::Mat grey, small;
  if (image.channels() == 1) {
    grey = image;
  } else {
    cv::cvtColor(image, grey, cv::COLOR_BGR2GRAY);
  }
  cv::resize(grey, small, {grey.cols / kDownscale, grey.rows / kDownscale});
  return small;
}

std::optional<CameraMotion> fit(const std::vector<cv::Point2f>& from, const std::vector<cv::Point2f>& to) {
  if (from.size() < kFewestPairs) return std::nullopt;
  const cv::Mat affine = cv::estimateAffinePartial2D(from, to, cv::noArray(), cv::RANSAC);
  if (affine.empty()) return std::nullopt;
  return CameraMotion{affine.at<double>(0, 0),
                      affine.at<double>(0, 1),
                      affine.at<double>(1, 0),
                      affine.at<double>(1, 1),
                      affine.at<double>(0, 2) * kDownscale,
                      affine.at<double>(1, 2) * kDownscale};
}

}  // namespace

std::optional<CameraMotion> CameraMotionEstimator::update(const cv::Mat& image) try {
  if (image.cols < kSmallestSide * kDownscale || image.rows < kSmallestSide * kDownscale) return std::nullopt;
  const cv::Mat current = small_grey(image);
  std::optional<CameraMotion> motion;
  if (current.size() == previous_.size() && !corners_.empty()) {
    std::vector<cv::Point2f> followed, from, to;
    std::vector<unsigned char> found;
    cv::calcOpticalFlowPyrLK(previous_, current, corners_, followed, found, cv::noArray());
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (!found[i]) continue;
      from.push_back(corners_[i]);
      to.push_back(followed[i]);
    }
    motion = fit(from, to);
  }
  corners_.clear();
  cv::goodFeaturesToTrack(current, corners_, 1000, 0.01, 1, cv::noArray(), 3, false, 0.04);
  previous_ = current;
  return motion;
} catch (const cv::Exception& error) {
  throw Error(ErrorCode::kInternal, std::string("camera motion cannot be estimated: ") + error.what(), "botsort",
              "switch it off with camera_motion: false");
}

}  // namespace goshawk::track
