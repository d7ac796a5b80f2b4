#include "goshawk/media/video_source.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

#include <cmath>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/media/camera.h"
#include "goshawk/media/frame_converter.h"
#include "goshawk/media/libav_log.h"
#include "goshawk/media/orientation.h"
#include "goshawk/media/video_decoder.h"

namespace goshawk::media {
namespace {

using Status = VideoDecoder::Status;

Orientation orientation_of(AVStream& stream) {
  std::size_t size = 0;
  const std::uint8_t* matrix = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
  if (matrix == nullptr || size < 9 * sizeof(std::int32_t)) return {};
  return orientation_of_matrix(reinterpret_cast<const std::int32_t*>(matrix));
}

class VideoSource final : public Source {
 public:
  VideoSource(const std::string& spec, SourceKind kind, const SourceOptions& options, std::stop_token stop)
      : options_(options), decoder_(spec, kind, options, stop) {
    require(!options.chosen || !options.start, "SourceOptions::chosen with start");
    if (options.chosen) decoder_.choose(*options.chosen);
    const bool nothing = options.chosen && options.chosen->indexes.empty();
    const bool seek = options.start && options.start->count() > 0 && !decoder_.container().live();
    waiting_ = seek ? decoder_.seek(*options.start, stop) : decoder_.next(stop);
    if (waiting_ == Status::kStopped) throw Error(ErrorCode::kInterrupted, "stopped while opening the source", name());
    if (waiting_ == Status::kEnd && !seek && !nothing) throw_no_picture();
    orientation_ = orientation_of(decoder_.container().stream());
    converter_ = FrameConverter(orientation_);
    describe();
  }

  const SourceInfo& info() const override { return info_; }

  std::optional<Frame> read(std::stop_token stop) override {
    while (!ended_ && !(options_.max_frames && given_ >= *options_.max_frames)) {
      const Status status = waiting_ ? *std::exchange(waiting_, std::nullopt) : decoder_.next(stop);
      if (status == Status::kStopped) return std::nullopt;
      if (status == Status::kEnd) return end(true);
      if (options_.start && decoder_.time() < *options_.start) continue;
      if (options_.end && decoder_.time() >= *options_.end) return end(false);
      if (options_.wanted && !options_.wanted(decoder_.index(), decoder_.time())) continue;
      ++given_;
      return frame();
    }
    return std::nullopt;
  }

 private:
  const std::string& name() { return decoder_.container().name(); }

  [[noreturn]] void throw_no_picture() {
    std::string message = "not one picture of the video can be decoded";
    if (const std::string damage = decoder_.damage(); !damage.empty()) message += ": " + damage;
    throw Error(ErrorCode::kBadData, message, name());
  }

  std::nullopt_t end(bool at_end_of_file) {
    ended_ = true;
    const std::string damage = at_end_of_file ? decoder_.damage() : std::string();
    if (!damage.empty() && options_.log) options_.log(name() + " is damaged or cut short: " + damage);
    return std::nullopt;
  }

  Frame frame() {
    Frame frame;
    frame.image = converter_.convert(decoder_.frame(), stored_width_, stored_height_);
    frame.pts = decoder_.time();
    frame.index = decoder_.index();
    return frame;
  }

  void describe() {
    AVStream& stream = decoder_.container().stream();
    // A video that changes its size keeps the first one, which need not be that of the first chosen frame.
    const bool pictured = waiting_ == Status::kFrame && !options_.chosen;
    stored_width_ = pictured ? decoder_.frame().width : stream.codecpar->width;
    stored_height_ = pictured ? decoder_.frame().height : stream.codecpar->height;
    info_.name = name();
    info_.width = orientation_.transpose ? stored_height_ : stored_width_;
    info_.height = orientation_.transpose ? stored_width_ : stored_height_;
    info_.rotation = orientation_.degrees();
    info_.live = decoder_.container().live();
    info_.frame_rate = decoder_.frame_rate();
    const double base = av_q2d(stream.r_frame_rate);
    info_.variable_frame_rate = base > 0 && info_.frame_rate > 0 && std::abs(base / info_.frame_rate - 1) > 0.01;
    info_.codec = avcodec_get_name(stream.codecpar->codec_id);
    const int format = waiting_ == Status::kFrame ? decoder_.frame().format : stream.codecpar->format;
    if (const char* text = av_get_pix_fmt_name(static_cast<AVPixelFormat>(format))) info_.pixel_format = text;
    describe_length(stream);
  }

  void describe_length(AVStream& stream) {
    if (info_.live) return;
    const std::int64_t whole = decoder_.container().format().duration;
    if (stream.duration > 0) {
      info_.duration = Microseconds(av_rescale_q(stream.duration, stream.time_base, AVRational{1, 1'000'000}));
    } else if (whole > 0) {
      info_.duration = Microseconds(av_rescale(whole, 1'000'000, AV_TIME_BASE));
    }
    info_.frames =
        options_.chosen ? static_cast<std::int64_t>(options_.chosen->indexes.size()) : expected_frames(stream.nb_frames);
  }

  std::optional<std::int64_t> expected_frames(std::int64_t stored) const {
    double frames = static_cast<double>(stored);
    if (options_.start || options_.end || stored <= 0) {
      if (!info_.duration || info_.frame_rate <= 0) return std::nullopt;
      const Microseconds from = options_.start.value_or(Microseconds(0));
      const Microseconds to = std::min(options_.end.value_or(*info_.duration), *info_.duration);
      frames = std::max(0.0, std::chrono::duration<double>(to - from).count() * info_.frame_rate);
    }
    if (frames > 1e12) return std::nullopt;
    const auto kept = static_cast<std::int64_t>(std::round(frames));
    return options_.max_frames ? std::min(kept, *options_.max_frames) : kept;
  }

  SourceOptions options_;
  SourceInfo info_;
  VideoDecoder decoder_;
  Orientation orientation_;
  FrameConverter converter_;
  int stored_width_ = 0, stored_height_ = 0;  // before turning
  std::optional<Status> waiting_;             // of the picture that opening decoded already
  std::int64_t given_ = 0;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<Source> open_video(const std::string& spec, SourceKind kind, const SourceOptions& options,
                                   std::stop_token stop) {
  if (kind == SourceKind::kCamera) require_camera(camera_device(spec));
  return std::make_unique<VideoSource>(spec, kind, options, std::move(stop));
}

}  // namespace goshawk::media
