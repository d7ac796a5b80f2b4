#include "goshawk/media/capabilities.h"

#include <string_view>

#include "goshawk/core/error.h"
#include "goshawk/media/camera.h"
#include "goshawk/media/libav.h"
#include "goshawk/media/video_encoder.h"

namespace goshawk::media {
namespace {

std::string encoder_that_starts() {
  try {
    return open_encoder({}, 320, 240)->codec->name;
  } catch (const Error&) {
    return {};
  }
}

bool has_protocol(std::string_view name) {
  void* place = nullptr;
  while (const char* protocol = avio_enum_protocols(&place, 0)) {
    if (protocol == name) return true;
  }
  return false;
}

std::vector<std::string> streams_that_are_there() {
  std::vector<std::string> found;
  for (const char* format : {"rtsp", "hls"}) {
    if (av_find_input_format(format) != nullptr) found.emplace_back(format);
  }
  for (const char* protocol : {"https", "http"}) {
    if (has_protocol(protocol)) found.emplace_back(protocol);
  }
  return found;
}

}  // namespace

Capabilities capabilities() {
  Capabilities result;
  result.version = av_version_info();
  result.encoder = encoder_that_starts();
  result.encoders = encoders_of_build();
  for (const AVCodecID codec : {AV_CODEC_ID_H264, AV_CODEC_ID_HEVC, AV_CODEC_ID_VP8, AV_CODEC_ID_VP9, AV_CODEC_ID_AV1,
                                AV_CODEC_ID_MPEG4, AV_CODEC_ID_MJPEG}) {
    if (avcodec_find_decoder(codec) != nullptr) result.decoders.emplace_back(avcodec_get_name(codec));
  }
  result.streams = streams_that_are_there();
  result.cameras = camera_devices();
  return result;
}

}  // namespace goshawk::media
