// Choosing and setting up an encoder.
#pragma once

#include <string>
#include <vector>

#include "goshawk/media/libav.h"
#include "goshawk/media/video_writer.h"

namespace goshawk::media {

/// Encoders that `auto` tries, best first.
const std::vector<std::string>& encoders_in_order();

/// Those that this build of libav has; they may want hardware that is not there.
std::vector<std::string> encoders_of_build();

/// Opens the encoder that `options` names, or the first of `encoders_in_order` that starts. Pictures: yuv420p, BT.709,
/// limited range, of `width` x `height` (even); time base 1/90000 s, of mpeg4 1/60000 s. Throws Error{kUsage} for a preset
/// nobody knows, {kUnavailable} when there is no such encoder, or none starts.
Av<AVCodecContext> open_encoder(const VideoWriterOptions& options, int width, int height);

}  // namespace goshawk::media
