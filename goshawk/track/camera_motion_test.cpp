#include "goshawk/track/camera_motion.h"

#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>

namespace goshawk::track {
namespace {

/// A blurred random pattern, 8-bit BGR.
cv::Mat scene(int width, int height) {
  cv::Mat image(height, width, CV_8UC3);
  cv::RNG random(7);
  random.fill(image, cv::RNG::UNIFORM, 0, 256);
  cv::GaussianBlur(image, image, {9, 9}, 2.5);
  cv::normalize(image, image, 0, 255, cv::NORM_MINMAX);
  return image;
}

TEST(CameraMotion, FindsAShift) {
  const cv::Mat big = scene(500, 400);
  CameraMotionEstimator estimator;
  EXPECT_FALSE(estimator.update(big(cv::Rect(50, 50, 320, 240))));
  const auto motion = estimator.update(big(cv::Rect(57, 46, 320, 240)));
  ASSERT_TRUE(motion);
  EXPECT_NEAR(motion->tx, -7, 0.3);
  EXPECT_NEAR(motion->ty, 4, 0.3);
  EXPECT_NEAR(motion->xx, 1, 0.005);
  EXPECT_NEAR(motion->xy, 0, 0.005);
}

TEST(CameraMotion, FindsATurnWithAZoom) {
  const cv::Mat image = scene(321, 241);
  const cv::Mat turn = cv::getRotationMatrix2D({160, 120}, 2, 1.02);
  cv::Mat turned;
  cv::warpAffine(image, turned, turn, image.size());
  CameraMotionEstimator estimator;
  estimator.update(image);
  const auto motion = estimator.update(turned);
  ASSERT_TRUE(motion);
  EXPECT_NEAR(motion->xx, turn.at<double>(0, 0), 0.005);
  EXPECT_NEAR(motion->yx, turn.at<double>(1, 0), 0.005);
  EXPECT_NEAR(motion->xx * 160 + motion->xy * 120 + motion->tx, 160, 1);
}

TEST(CameraMotion, SaysNothingWhenThereIsTooLittleToSee) {
  CameraMotionEstimator estimator;
  const cv::Mat flat(240, 320, CV_8UC3, cv::Scalar(90, 90, 90));
  EXPECT_FALSE(estimator.update(flat));
  EXPECT_FALSE(estimator.update(flat));
  EXPECT_FALSE(estimator.update(cv::Mat(1, 1, CV_8UC3, cv::Scalar())));
  EXPECT_FALSE(estimator.update(cv::Mat()));
  EXPECT_FALSE(estimator.update(scene(320, 240)));
  EXPECT_FALSE(estimator.update(scene(160, 120)));  // another size: starts afresh
}

}  // namespace
}  // namespace goshawk::track
