// Choosing and setting up an encoder.
#pragma once

#include <string>
#include <vector>

#include "goshawk/media/libav.h"
#include "goshawk/media/video_writer.h"

namespace goshawk::media {

/// Encoders that `auto` tries, best first.
const std::vector<std::string>& encoders_in_order();

/// Opens the encoder that `options` names, or the first of `encoders_in_order` that starts. Pictures: yuv420p, BT.709,
/// limited range, of `width` x `height` (even); time base 1/90000 s. Throws Error{kUsage} for an encoder or preset nobody
/// knows, {kUnavailable} when none starts.
Av<AVCodecContext> open_encoder(const VideoWriterOptions& options, int width, int height);

}  // namespace goshawk::media
