// Memory of frames, used again once nobody holds it.
#pragma once

#include <opencv2/core/mat.hpp>
#include <vector>

namespace goshawk::media {

/// Hands out 8-bit BGR pictures. One whose last copy elsewhere is gone is handed out again, so that reading a video does not
/// ask the system for fresh pages at each frame. One thread takes; others may hold and drop pictures.
class PicturePool {
 public:
  /// A continuous picture of undefined content. One more row of memory lies behind it: swscale may write past a row's end.
  cv::Mat take(int width, int height);

 private:
  static constexpr std::size_t kMostPictures = 64;  // more than the queues of a pipeline hold
  std::vector<cv::Mat> pictures_;
};

}  // namespace goshawk::media
