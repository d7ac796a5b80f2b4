#include "goshawk/media/container.h"

#include <fmt/format.h>

#include <string_view>
#include <thread>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/media/camera.h"
#include "goshawk/media/libav_log.h"

namespace goshawk::media {
namespace {

using namespace std::chrono_literals;

/// libav reads "a:b" as a protocol; a path must not be mistaken for one.
std::string libav_url(const std::string& spec, SourceKind kind) {
  if (kind == SourceKind::kDisk) return "file:" + spec;
  if (kind == SourceKind::kCamera) return camera_device(spec);
  const auto scheme = spec.find("://");
  return to_lower(spec.substr(0, scheme)) + spec.substr(scheme);  // libav knows schemes in small letters only
}

std::string with_reason(const std::string& message, const std::string& reason) {
  return reason.empty() ? message : message + ": " + reason;
}

/// Seconds as people write them.
std::string seconds(std::chrono::milliseconds time) {
  return fmt::format("{:g} s", static_cast<double>(time.count()) / 1000);
}

bool is_avi(const AVFormatContext& format) { return format.iformat->name == std::string_view("avi"); }

/// Whether the file ends before its first chunk does ("RIFF", then the number of bytes that follow; Microsoft's RIFF).
bool is_cut_avi(const AVFormatContext& format) {
  constexpr std::int64_t kHeader = 8, kNotKnown = 0xFFFFFFFF;
  const std::int64_t place = avio_tell(format.pb), size = avio_size(format.pb);
  if (avio_seek(format.pb, kHeader / 2, SEEK_SET) < 0) return false;
  const std::int64_t stated = avio_rl32(format.pb);
  avio_seek(format.pb, place, SEEK_SET);
  return stated != kNotKnown && stated + kHeader > size;
}

/// A stream over HTTP without an end: a playlist that is still being written (which is a small file of its own), or bytes
/// whose number the server does not tell.
bool is_endless(const AVFormatContext& format) {
  if (format.duration != AV_NOPTS_VALUE) return false;
  return format.iformat->name == std::string_view("hls") || format.pb == nullptr || avio_size(format.pb) < 0;
}

}  // namespace

Container::Container(const std::string& spec, SourceKind kind, const SourceOptions& options, std::stop_token stop)
    : spec_(spec), kind_(kind), name_(without_secrets(spec)), timeout_(options.timeout) {
  silence_libav();
  forget_libav_message();
  interrupt_.arm(std::move(stop), timeout_);
  open(options);
  choose_stream(options);
}

void Container::open(const SourceOptions& options) {
  AVFormatContext* context = avformat_alloc_context();
  check_memory(context != nullptr);
  context->interrupt_callback = interrupt_.callback();
  if (kind_ == SourceKind::kCamera) context->flags |= AVFMT_FLAG_NONBLOCK;

  AvOptions settings;
  settings.set("protocol_whitelist", allowed_protocols(kind_));
  settings.set("format_whitelist", allowed_formats(kind_));
  settings.set("max_streams", std::to_string(options.limits.max_streams));
  if (kind_ == SourceKind::kRtsp) settings.set("rtsp_flags", "prefer_tcp");
  const AVInputFormat* input = kind_ == SourceKind::kCamera ? camera_input_format() : nullptr;
  const int opened = avformat_open_input(&context, libav_url(spec_, kind_).c_str(), input, settings.get());
  format_.reset(opened < 0 ? nullptr : context);  // libav freed it when it failed
  if (opened < 0) throw_open_error(opened);

  const int analysed = avformat_find_stream_info(format_.get(), nullptr);
  if (interrupt_.stopped() || interrupt_.expired()) throw_open_error(AVERROR_EXIT);
  if (analysed < 0) throw_open_error(analysed);
  live_ = kind_ == SourceKind::kCamera || kind_ == SourceKind::kRtsp || (kind_ == SourceKind::kHttp && is_endless(*format_));
}

void Container::choose_stream(const SourceOptions& options) {
  if (format_->nb_streams > static_cast<unsigned>(options.limits.max_streams)) {
    throw Error(
        ErrorCode::kBadData,
        fmt::format("the file has {} streams, more than the limit of {}", format_->nb_streams, options.limits.max_streams),
        name_);
  }
  stream_ = av_find_best_stream(format_.get(), AVMEDIA_TYPE_VIDEO, -1, -1, &decoder_, 0);
  if (stream_ == AVERROR_DECODER_NOT_FOUND) {
    throw Error(ErrorCode::kUnavailable, "this build of libav has no decoder for the video", name_, "see `goshawk doctor`");
  }
  if (stream_ < 0 || (stream().disposition & AV_DISPOSITION_ATTACHED_PIC) != 0) {
    throw Error(ErrorCode::kBadData, "there is no video in it, only other streams", name_);
  }
  const AVCodecParameters& coded = *stream().codecpar;
  if (std::int64_t{coded.width} * coded.height > options.limits.max_pixels) {
    throw Error(ErrorCode::kBadData,
                fmt::format("the video has {} x {} pixels, more than the limit of {}", coded.width, coded.height,
                            options.limits.max_pixels),
                name_);
  }
  stated_frames_ = is_avi(*format_) && !is_cut_avi(*format_) ? 0 : stream().nb_frames;
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    if (static_cast<int>(i) != stream_) format_->streams[i]->discard = AVDISCARD_ALL;
  }
}

void Container::throw_open_error(int status) const {
  if (interrupt_.stopped()) throw Error(ErrorCode::kInterrupted, "stopped while opening the source", name_);
  if (interrupt_.expired()) {
    throw Error(ErrorCode::kUnavailable, "the source did not answer within " + seconds(timeout_), name_,
                "is it switched on and reachable? --timeout waits longer");
  }
  const std::string reason = with_reason(error_text(status), last_libav_message());
  if (kind_ == SourceKind::kDisk) {
    if (status == AVERROR(EACCES) || status == AVERROR(ENOENT) || status == AVERROR(EISDIR)) {
      throw Error(ErrorCode::kNotFound, "the file cannot be opened: " + error_text(status), name_);
    }
    if (last_libav_message().find("whitelist") != std::string::npos) {
      throw Error(ErrorCode::kBadData, "this is not a kind of file that goshawk opens as a video or image", name_,
                  "playlists and scripts on disk are refused, as they name other files");
    }
    throw Error(ErrorCode::kBadData, "this is not a video or image that can be read: " + reason, name_,
                "a file that was cut short may lack its index; try to fetch it again");
  }
  if (status == AVERROR_HTTP_NOT_FOUND) throw Error(ErrorCode::kNotFound, "the server has no such page (404)", name_);
  if (status == AVERROR_HTTP_UNAUTHORIZED || status == AVERROR_HTTP_FORBIDDEN) {
    throw Error(ErrorCode::kUnavailable, "the server refuses access: " + error_text(status), name_,
                "check user and password");
  }
  if (status == AVERROR_INVALIDDATA) throw Error(ErrorCode::kBadData, "this is not a video stream: " + reason, name_);
  throw Error(ErrorCode::kUnavailable, "the source cannot be opened: " + reason, name_);
}

Container::Status Container::read(AVPacket& packet, std::stop_token stop) {
  interrupt_.arm(std::move(stop), timeout_);
  forget_libav_message();
  for (;;) {
    const int status = av_read_frame(format_.get(), &packet);
    if (interrupt_.stopped()) {
      av_packet_unref(&packet);
      return Status::kStopped;
    }
    if (status == AVERROR(EAGAIN) && !interrupt_.expired()) {  // a camera between two pictures
      std::this_thread::sleep_for(1ms);
      continue;
    }
    if (status < 0) return end_with(status);
    if (packet.stream_index == stream_) {
      if ((packet.flags & AV_PKT_FLAG_CORRUPT) != 0) damage_ = "a packet is incomplete";
      return Status::kPacket;
    }
    av_packet_unref(&packet);
    if (interrupt_.expired() && live_) return end_with(AVERROR_EXIT);
  }
}

Container::Status Container::end_with(int status) {
  const bool broken = status != AVERROR_EOF || (format_->pb != nullptr && format_->pb->error < 0);
  if (broken && interrupt_.expired()) {
    throw Error(ErrorCode::kUnavailable, "no picture came within " + seconds(timeout_), name_, "is the source still there?");
  }
  const std::string said = last_libav_message();
  if (broken && live_) {
    throw Error(ErrorCode::kUnavailable, "the connection broke: " + with_reason(error_text(status), said), name_);
  }
  if (broken) damage_ = with_reason("reading stopped early", said.empty() ? error_text(status) : said);
  if (!broken && said.find("prematurely") != std::string::npos) damage_ = said;
  return Status::kEnd;
}

bool Container::seek(std::int64_t timestamp, std::stop_token stop) {
  interrupt_.arm(std::move(stop), timeout_);
  return av_seek_frame(format_.get(), stream_, timestamp, AVSEEK_FLAG_BACKWARD) >= 0;
}

}  // namespace goshawk::media
