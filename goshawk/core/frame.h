// One picture of a video or a folder, with its place and time.
#pragma once

#include <chrono>
#include <cstdint>
#include <opencv2/core/mat.hpp>
#include <string>

namespace goshawk {

using Microseconds = std::chrono::microseconds;

/// One decoded frame. Copies share the pixels (cv::Mat counts references); treat `image` as read-only after it was handed
/// on.
struct Frame {
  cv::Mat image;           // 8-bit BGR, upright (the container's rotation is applied)
  Microseconds pts{0};     // presentation time from the start of the stream; 0 for images
  std::int64_t index = 0;  // 0-based number of the frame in its source, counted before --every drops any
  std::string name;        // file name, for sources that are images; empty for video
  std::string path;        // that file as the user's folder or pattern led to it; empty for video
};

}  // namespace goshawk
