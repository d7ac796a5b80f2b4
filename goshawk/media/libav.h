// Ownership of libav's objects, and its messages as text. For the .cpp files of this folder only.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>

namespace goshawk::media {

struct AvDeleter {
  void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
  void operator()(AVFrame* p) const { av_frame_free(&p); }
  void operator()(AVPacket* p) const { av_packet_free(&p); }
  void operator()(SwsContext* p) const { sws_freeContext(p); }
  void operator()(AVFormatContext* p) const { avformat_close_input(&p); }
};

/// Owns one libav object. A format context owned this way is an input.
template <typename T>
using Av = std::unique_ptr<T, AvDeleter>;

Av<AVFrame> new_frame();
Av<AVPacket> new_packet();
Av<AVCodecContext> new_codec_context(const AVCodec* codec);

/// Options for a libav call, freed with the object. Throws Error{kInternal} when there is no memory.
class AvOptions {
 public:
  AvOptions() = default;
  ~AvOptions() { av_dict_free(&options_); }
  AvOptions(const AvOptions&) = delete;
  AvOptions& operator=(const AvOptions&) = delete;

  void set(const char* key, const std::string& value);
  AVDictionary** get() { return &options_; }

 private:
  AVDictionary* options_ = nullptr;
};

/// libav's text for an error code.
std::string error_text(int status);

/// Throws Error{kInternal} when a call that only fails for lack of memory has failed.
void check_memory(bool success);

}  // namespace goshawk::media
