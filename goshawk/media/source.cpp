#include "goshawk/media/source.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>
}

#include <filesystem>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/media/image.h"

namespace goshawk::media {
namespace {

struct AvDeleter {
  void operator()(AVFormatContext* p) const { avformat_close_input(&p); }
  void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
  void operator()(AVFrame* p) const { av_frame_free(&p); }
  void operator()(AVPacket* p) const { av_packet_free(&p); }
  void operator()(SwsContext* p) const { sws_freeContext(p); }
};
template <typename T>
using Av = std::unique_ptr<T, AvDeleter>;

class VideoFile : public Source {
 public:
  VideoFile(const std::string& path, const SourceOptions& options) : options_(options) {
    AVFormatContext* format = nullptr;
    if (avformat_open_input(&format, path.c_str(), nullptr, nullptr) < 0)
      throw Error(ErrorCode::kBadData, "this is not a video that libav can read", path);
    format_.reset(format);
    avformat_find_stream_info(format, nullptr);
    const AVCodec* codec = nullptr;
    stream_ = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
    if (stream_ < 0 || codec == nullptr) throw Error(ErrorCode::kBadData, "there is no video stream in the file", path);
    codec_.reset(avcodec_alloc_context3(codec));
    avcodec_parameters_to_context(codec_.get(), stream()->codecpar);
    codec_->thread_count = options.threads;
    if (avcodec_open2(codec_.get(), codec, nullptr) < 0) throw Error(ErrorCode::kBadData, "cannot decode the video", path);
    info_.name = path;
    info_.width = codec_->width;
    info_.height = codec_->height;
    info_.frame_rate = av_q2d(stream()->avg_frame_rate);
    if (stream()->nb_frames > 0) info_.frames = stream()->nb_frames;
    info_.codec = codec->name;
  }

  const SourceInfo& info() const override { return info_; }

  std::optional<Frame> read(std::stop_token stop) override {
    for (;;) {
      if (stop.stop_requested() || (options_.max_frames && given_ == *options_.max_frames)) return std::nullopt;
      const int status = avcodec_receive_frame(codec_.get(), frame_.get());
      if (status == AVERROR_EOF) return std::nullopt;
      if (status >= 0) {
        ++given_;
        return convert();
      }
      feed();
    }
  }

 private:
  AVStream* stream() const { return format_->streams[stream_]; }

  void feed() {
    while (av_read_frame(format_.get(), packet_.get()) >= 0) {
      const bool ours = packet_->stream_index == stream_;
      if (ours) avcodec_send_packet(codec_.get(), packet_.get());
      av_packet_unref(packet_.get());
      if (ours) return;
    }
    avcodec_send_packet(codec_.get(), nullptr);
  }

  Frame convert() {
    Frame frame;
    frame.index = index_++;
    const auto start = stream()->start_time == AV_NOPTS_VALUE ? 0 : stream()->start_time;
    frame.pts = Microseconds(av_rescale_q(frame_->best_effort_timestamp - start, stream()->time_base, {1, 1'000'000}));
    frame.image.create(frame_->height, frame_->width, CV_8UC3);
    scaler_.reset(sws_getCachedContext(scaler_.release(), frame_->width, frame_->height,
                                       static_cast<AVPixelFormat>(frame_->format), frame_->width, frame_->height,
                                       AV_PIX_FMT_BGR24, SWS_BILINEAR, nullptr, nullptr, nullptr));
    std::uint8_t* planes[] = {frame.image.data};
    const int strides[] = {static_cast<int>(frame.image.step)};
    sws_scale(scaler_.get(), frame_->data, frame_->linesize, 0, frame_->height, planes, strides);
    av_frame_unref(frame_.get());
    return frame;
  }

  SourceOptions options_;
  SourceInfo info_;
  Av<AVFormatContext> format_;
  Av<AVCodecContext> codec_;
  Av<AVFrame> frame_{av_frame_alloc()};
  Av<AVPacket> packet_{av_packet_alloc()};
  Av<SwsContext> scaler_;
  int stream_ = -1;
  std::int64_t index_ = 0, given_ = 0;
};

}  // namespace

std::unique_ptr<Source> open_source(const std::string& spec, const SourceOptions& options, std::stop_token) {
  if (!std::filesystem::exists(spec)) throw Error(ErrorCode::kNotFound, "there is no such file", spec);
  return std::make_unique<VideoFile>(spec, options);
}

}  // namespace goshawk::media
