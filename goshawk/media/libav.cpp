#include "goshawk/media/libav.h"

#include <array>

#include "goshawk/core/error.h"

namespace goshawk::media {

void check_memory(bool success) {
  if (!success) throw Error(ErrorCode::kInternal, "there is not enough memory");
}

Av<AVFrame> new_frame() {
  Av<AVFrame> frame(av_frame_alloc());
  check_memory(frame != nullptr);
  return frame;
}

Av<AVPacket> new_packet() {
  Av<AVPacket> packet(av_packet_alloc());
  check_memory(packet != nullptr);
  return packet;
}

Av<AVCodecContext> new_codec_context(const AVCodec* codec) {
  Av<AVCodecContext> context(avcodec_alloc_context3(codec));
  check_memory(context != nullptr);
  return context;
}

void AvOptions::set(const char* key, const std::string& value) {
  check_memory(av_dict_set(&options_, key, value.c_str(), 0) >= 0);
}

std::string error_text(int status) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(status, text.data(), text.size());
  return text.data();
}

}  // namespace goshawk::media
