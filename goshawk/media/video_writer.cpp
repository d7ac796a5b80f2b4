#include "goshawk/media/video_writer.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
}

#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"

namespace goshawk::media {

struct VideoWriter::Impl {
  std::filesystem::path path, temporary;
  std::string encoder;
  AVFormatContext* format = nullptr;
  AVCodecContext* codec = nullptr;
  AVStream* stream = nullptr;
  AVFrame* frame = av_frame_alloc();
  AVPacket* packet = av_packet_alloc();
  SwsContext* scaler = nullptr;
  std::int64_t last = -1;
  bool finished = false;

  ~Impl() {
    sws_freeContext(scaler);
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&codec);
    if (format != nullptr) {
      avio_closep(&format->pb);
      avformat_free_context(format);
    }
    std::error_code ignored;
    if (!finished) std::filesystem::remove(temporary, ignored);
  }

  void check(int status, const char* action) const {
    if (status < 0) throw Error(ErrorCode::kIo, std::string(action) + " failed", path.string());
  }

  void encode(const AVFrame* picture) {
    check(avcodec_send_frame(codec, picture), "encoding the video");
    while (avcodec_receive_packet(codec, packet) >= 0) {
      av_packet_rescale_ts(packet, codec->time_base, stream->time_base);
      packet->stream_index = 0;
      check(av_interleaved_write_frame(format, packet), "writing the video");
    }
  }
};

VideoWriter::VideoWriter(std::filesystem::path path, const VideoWriterOptions& options) : impl_(new Impl) {
  Impl& w = *impl_;
  w.path = std::move(path);
  w.temporary = temporary_beside(w.path);
  const AVCodec* codec = avcodec_find_encoder_by_name("libx264");
  if (codec == nullptr) throw Error(ErrorCode::kUnavailable, "no H.264 encoder");
  w.encoder = codec->name;
  w.check(avformat_alloc_output_context2(&w.format, nullptr, "mp4", w.temporary.c_str()), "opening the video");
  w.codec = avcodec_alloc_context3(codec);
  w.codec->width = options.width + options.width % 2;
  w.codec->height = options.height + options.height % 2;
  w.codec->pix_fmt = AV_PIX_FMT_YUV420P;
  w.codec->time_base = {1, 90'000};
  w.codec->framerate = av_d2q(options.frame_rate, 100'000);
  w.codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  av_opt_set(w.codec->priv_data, "preset", options.preset.c_str(), 0);
  av_opt_set_int(w.codec->priv_data, "crf", options.quality, 0);
  w.check(avcodec_open2(w.codec, codec, nullptr), "opening the encoder");
  w.stream = avformat_new_stream(w.format, nullptr);
  w.stream->time_base = w.codec->time_base;
  avcodec_parameters_from_context(w.stream->codecpar, w.codec);
  w.check(avio_open(&w.format->pb, w.temporary.c_str(), AVIO_FLAG_WRITE), "creating the video");
  AVDictionary* settings = nullptr;
  av_dict_set(&settings, "movflags", "+faststart", 0);
  const int status = avformat_write_header(w.format, &settings);
  av_dict_free(&settings);
  w.check(status, "starting the video");
  w.frame->format = w.codec->pix_fmt;
  w.frame->width = w.codec->width;
  w.frame->height = w.codec->height;
  w.check(av_frame_get_buffer(w.frame, 0), "allocating a frame");
}

VideoWriter::~VideoWriter() = default;
VideoWriter::VideoWriter(VideoWriter&&) noexcept = default;
VideoWriter& VideoWriter::operator=(VideoWriter&&) noexcept = default;

void VideoWriter::write(const cv::Mat& image, Microseconds pts) {
  Impl& w = *impl_;
  w.check(av_frame_make_writable(w.frame), "allocating a frame");
  w.scaler = sws_getCachedContext(w.scaler, image.cols, image.rows, AV_PIX_FMT_BGR24, w.codec->width, w.codec->height,
                                  AV_PIX_FMT_YUV420P, SWS_BILINEAR, nullptr, nullptr, nullptr);
  const std::uint8_t* planes[] = {image.data};
  const int strides[] = {static_cast<int>(image.step)};
  sws_scale(w.scaler, planes, strides, 0, image.rows, w.frame->data, w.frame->linesize);
  w.frame->pts = std::max(w.last + 1, av_rescale(pts.count(), 90'000, 1'000'000));
  w.last = w.frame->pts;
  w.encode(w.frame);
}

void VideoWriter::finish() {
  Impl& w = *impl_;
  w.encode(nullptr);
  w.check(av_write_trailer(w.format), "finishing the video");
  avio_closep(&w.format->pb);
  rename_durably(w.temporary, w.path);
  w.finished = true;
}

const std::string& VideoWriter::encoder() const { return impl_->encoder; }

}  // namespace goshawk::media
