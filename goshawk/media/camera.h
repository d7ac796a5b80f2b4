// Cameras of this machine, through libavdevice, which is loaded only when one is asked for: it brings some eighty libraries.
#pragma once

#include <string>
#include <vector>

struct AVInputFormat;

namespace goshawk::media {

/// libav's reader of Video4Linux devices. Throws Error{kUnavailable} where libavdevice or that reader is missing.
const AVInputFormat* camera_input_format();

/// The device files of this machine, /dev/video0 first.
std::vector<std::string> camera_devices();

/// Throws Error{kUnavailable} with those that exist when `device` is not there or cannot be opened.
void require_camera(const std::string& device);

}  // namespace goshawk::media
