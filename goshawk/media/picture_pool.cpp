#include "goshawk/media/picture_pool.h"

namespace goshawk::media {
namespace {

bool only_holder(const cv::Mat& picture) { return __atomic_load_n(&picture.u->refcount, __ATOMIC_ACQUIRE) == 1; }

}  // namespace

cv::Mat PicturePool::take(int width, int height) {
  if (!pictures_.empty() && (pictures_[0].cols != width || pictures_[0].rows != height + 1)) pictures_.clear();
  for (const auto& picture : pictures_) {
    if (only_holder(picture)) return picture.rowRange(0, height);
  }
  cv::Mat picture(height + 1, width, CV_8UC3);
  if (pictures_.size() < kMostPictures) pictures_.push_back(picture);
  return picture.rowRange(0, height);
}

}  // namespace goshawk::media
