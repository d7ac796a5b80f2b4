#include "goshawk/media/video_decoder.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/media/libav_log.h"

namespace goshawk::media {
namespace {

using namespace std::chrono_literals;

Av<AVCodecContext> open_codec(Container& container, const SourceOptions& options) {
  auto codec = new_codec_context(&container.decoder());
  check_memory(avcodec_parameters_to_context(codec.get(), container.stream().codecpar) >= 0);
  codec->pkt_timebase = container.stream().time_base;
  codec->framerate = container.stream().avg_frame_rate;
  codec->max_pixels = options.limits.max_pixels;
  codec->thread_count = options.threads;
  // Threads by frame hold back as many frames as there are threads: not for live sources.
  codec->thread_type = container.live() ? FF_THREAD_SLICE : FF_THREAD_FRAME | FF_THREAD_SLICE;
  if (container.live()) codec->flags |= AV_CODEC_FLAG_LOW_DELAY;
  const int status = avcodec_open2(codec.get(), &container.decoder(), nullptr);
  if (status < 0) {
    throw Error(ErrorCode::kBadData, "the video's decoder does not start: " + error_text(status), container.name());
  }
  return codec;
}

}  // namespace

VideoDecoder::VideoDecoder(const std::string& spec, SourceKind kind, const SourceOptions& options, std::stop_token stop)
    : spec_(spec), kind_(kind), options_(options) {
  open(std::move(stop));
}

void VideoDecoder::open(std::stop_token stop) {
  codec_.reset();
  container_ = std::make_unique<Container>(spec_, kind_, options_, std::move(stop));
  codec_ = open_codec(*container_, options_);
  const AVStream& stream = container_->stream();
  timeline_.emplace(stream.time_base, container_->live() ? AV_NOPTS_VALUE : stream.start_time, frame_duration());
  index_ = -1;
  pictures_ = 0;
  whole_ = true;
  draining_ = false;
}

double VideoDecoder::frame_rate() const {
  const AVStream& stream = container_->stream();
  const AVRational rate = stream.avg_frame_rate.num > 0 ? stream.avg_frame_rate : stream.r_frame_rate;
  return rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 0;
}

Microseconds VideoDecoder::frame_duration() const {
  const double rate = frame_rate();
  return rate > 0 && rate < 1e6 ? Microseconds(std::llround(1e6 / rate)) : Microseconds(40'000);
}

VideoDecoder::Status VideoDecoder::next(std::stop_token stop) {
  for (;;) {
    if (stop.stop_requested()) return Status::kStopped;
    if (choice_ && choice_->done()) return Status::kEnd;
    const int status = avcodec_receive_frame(codec_.get(), frame_.get());
    if (status >= 0 && choice_) {
      if (take_chosen(stop)) return Status::kFrame;
      continue;
    }
    if (status >= 0) {
      time_ = timeline_->time_of(frame_->best_effort_timestamp);
      ++index_;
      ++pictures_;
      return Status::kFrame;
    }
    if (status == AVERROR_EOF) {
      if (!choice_ || choice_->takes_everything()) return Status::kEnd;
      finish_range(stop);
      continue;
    }
    if (status != AVERROR(EAGAIN)) {
      ++refused_packets_;
      if (draining_) continue;  // the pictures behind the damaged one
    }
    if (feed(stop) == Status::kStopped) return Status::kStopped;
  }
}

/// Whether the picture is one of the chosen.
bool VideoDecoder::take_chosen(std::stop_token stop) {
  const bool doubtful = (frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0;
  const auto picture = choice_->judge(frame_->best_effort_timestamp, doubtful);
  if (picture == FrameChoice::Picture::kUnexpected) start_over(std::move(stop));
  if (picture != FrameChoice::Picture::kWanted) return false;
  time_ = choice_->time();
  index_ = choice_->index();
  return true;
}

void VideoDecoder::finish_range(std::stop_token stop) {
  if (choice_->done()) return;
  if (!choice_->next_range()) return start_over(std::move(stop));
  avcodec_flush_buffers(codec_.get());
  draining_ = false;
}

void VideoDecoder::start_over(std::stop_token stop) {
  open(std::move(stop));
  refused_packets_ = 0;
  whole_ = false;
  choice_->take_everything();
}

void VideoDecoder::drain() {
  draining_ = true;
  avcodec_send_packet(codec_.get(), nullptr);
}

VideoDecoder::Status VideoDecoder::feed(std::stop_token stop) {
  if (choice_ && choice_->at_end_of_range()) {
    drain();
    return Status::kFrame;
  }
  const auto status = container_->read(*packet_, std::move(stop));
  if (status == Container::Status::kStopped) return Status::kStopped;
  if (status == Container::Status::kEnd) {
    drain();
    return Status::kEnd;
  }
  if (choice_ && !choice_->decodes_packet()) {
    av_packet_unref(packet_.get());
    return Status::kFrame;
  }
  if (first_dts_ == AV_NOPTS_VALUE && first_pts_ == AV_NOPTS_VALUE) {
    first_pts_ = packet_->pts;
    first_dts_ = packet_->dts;
  } else if (pictures_ == 0 && packet_->pts != AV_NOPTS_VALUE && packet_->pts < first_pts_) {
    ++leading_;
  }
  if (avcodec_send_packet(codec_.get(), packet_.get()) < 0) ++refused_packets_;
  av_packet_unref(packet_.get());
  return Status::kFrame;
}

VideoDecoder::Status VideoDecoder::seek(Microseconds time, std::stop_token stop) {
  Status status = Status::kEnd;
  // A container without a full index may land behind the wanted time: then go further back.
  for (const auto margin : {0s, 2s, 10s, 60s}) {
    if (time - margin <= Microseconds(0)) break;
    if (try_seek(time - margin, stop, status) && (status == Status::kStopped || time_ <= time)) return status;
  }
  open(stop);
  return next(std::move(stop));
}

bool VideoDecoder::try_seek(Microseconds time, std::stop_token stop, Status& status) {
  const auto timestamp = timeline_->timestamp_of(time);
  if (!timestamp || !container_->seek(*timestamp, stop)) return false;
  avcodec_flush_buffers(codec_.get());
  timeline_->restart();
  first_pts_ = first_dts_ = AV_NOPTS_VALUE;
  leading_ = pictures_ = 0;
  draining_ = false;
  whole_ = false;
  status = next(std::move(stop));
  if (status == Status::kFrame) index_ = index_after_seek();
  return status != Status::kEnd;
}

std::int64_t VideoDecoder::index_after_seek() const {
  AVStream& stream = container_->stream();
  const int entries = avformat_index_get_entries_count(&stream);
  const bool complete =
      entries > 0 && entries == stream.nb_frames && first_pts_ != AV_NOPTS_VALUE && frame_->pts == first_pts_;
  const int entry = complete ? av_index_search_timestamp(&stream, first_dts_, AVSEEK_FLAG_BACKWARD | AVSEEK_FLAG_ANY) : -1;
  if (entry >= 0) {
    // Of the frames before the key frame in the file, all but the discarded are shown before it, and so are those behind it
    // that lead (open groups of pictures).
    std::int64_t index = leading_;
    for (int i = 0; i < entry; ++i) {
      index += (avformat_index_get_entry(&stream, i)->flags & AVINDEX_DISCARD_FRAME) == 0 ? 1 : 0;
    }
    return index;
  }
  return std::llround(std::chrono::duration<double>(time_).count() * frame_rate());
}

std::string VideoDecoder::damage() const {
  if (!container_->damage().empty()) return container_->damage();
  if (refused_packets_ > 0) return fmt::format("{} packets could not be decoded", refused_packets_);
  // MP4 counts what an edit list hides, too; a few frames less than promised mean nothing.
  const std::int64_t promised = container_->stated_frames();
  if (whole_ && draining_ && !container_->live() && promised > index_ + 1 + 32) {
    return fmt::format("{} of {} frames are there", index_ + 1, promised);
  }
  return {};
}

}  // namespace goshawk::media
