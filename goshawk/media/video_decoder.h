// Decoded pictures of one container, in presentation order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "goshawk/media/container.h"
#include "goshawk/media/frame_choice.h"
#include "goshawk/media/timeline.h"

namespace goshawk::media {

/// Not thread-safe.
class VideoDecoder {
 public:
  enum class Status { kFrame, kEnd, kStopped };

  /// Throws as `open_source` does.
  VideoDecoder(const std::string& spec, SourceKind kind, const SourceOptions& options, std::stop_token stop);

  /// Decodes the next picture; `frame`, `time` and `index` then describe it. The decoder is flushed at the end of the file.
  Status next(std::stop_token stop);
  const AVFrame& frame() const { return *frame_; }
  Microseconds time() const { return time_; }
  std::int64_t index() const { return index_; }

  /// Goes to a key frame before `time` and decodes it: the status of that picture. Its time is at most `time`; where the
  /// container cannot say so, the file is read from its start.
  Status seek(Microseconds time, std::stop_token stop);

  /// Before the first picture: `next` gives these frames alone, by their numbers and times in the map.
  void choose(const ChosenFrames& chosen) {
    choice_.emplace(chosen.map, chosen.indexes);
    whole_ = false;
  }

  Container& container() { return *container_; }
  double frame_rate() const;            // average, frames a second; 0 when unknown
  Microseconds frame_duration() const;  // nominal
  /// What was wrong so far, for a warning at the end; empty when nothing was.
  std::string damage() const;

 private:
  void open(std::stop_token stop);
  Status feed(std::stop_token stop);
  void drain();
  bool take_chosen(std::stop_token stop);
  void finish_range(std::stop_token stop);
  void start_over(std::stop_token stop);
  bool try_seek(Microseconds time, std::stop_token stop, Status& status);
  std::int64_t index_after_seek() const;

  std::string spec_;
  SourceKind kind_;
  SourceOptions options_;
  std::unique_ptr<Container> container_;
  Av<AVCodecContext> codec_;
  Av<AVFrame> frame_ = new_frame();
  Av<AVPacket> packet_ = new_packet();
  std::optional<Timeline> timeline_;
  std::optional<FrameChoice> choice_;
  Microseconds time_{0};
  std::int64_t index_ = -1;
  std::int64_t pictures_ = 0;         // decoded since the start or the last seek
  std::int64_t refused_packets_ = 0;  // that the decoder could not use
  bool whole_ = true;                 // read from the start, without a seek
  bool draining_ = false;
  // Of the packets since the last seek:
  std::int64_t first_pts_ = AV_NOPTS_VALUE, first_dts_ = AV_NOPTS_VALUE, leading_ = 0;
};

}  // namespace goshawk::media
