// Frames of animated WebP files. Source: RFC 9649.
#pragma once

#include <opencv2/core/types.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace goshawk::media {

/// `bytes`: a WebP file. True when its header says that it is an animation.
bool is_animated_webp(std::string_view bytes);

struct WebpFrame {
  cv::Size canvas;    // pixels of the animation, 1 to 2^24 a side
  cv::Point corner;   // where the frame's upper left pixel lies on the canvas
  std::string still;  // the frame as a WebP file of its own, without its alpha plane
};

/// The first frame of an animated WebP file. nullopt: it is cut short or there is none. The frame itself is not looked into.
std::optional<WebpFrame> first_frame_of_webp(std::string_view bytes);

}  // namespace goshawk::media
