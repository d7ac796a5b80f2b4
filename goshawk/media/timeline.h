// Presentation times out of a decoder's timestamps.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

extern "C" {
#include <libavutil/avutil.h>
#include <libavutil/mathematics.h>
}

#include "goshawk/core/frame.h"

namespace goshawk::media {

/// Turns timestamps of one stream, in presentation order, into times from its start that always grow.
class Timeline {
 public:
  /// `start`: the stream's first timestamp, AV_NOPTS_VALUE when it is the first one seen. `frame_duration`: nominal.
  Timeline(AVRational time_base, std::int64_t start, Microseconds frame_duration)
      : time_base_(time_base), start_(start), frame_duration_(std::max(frame_duration, Microseconds(1))) {}

  /// Time of the next frame. A timestamp that is missing, or not after the last, is replaced by the last time and one
  /// frame's duration; after a jump back of more than a second (a stream that was joined or started again) the clock goes on
  /// from there.
  Microseconds time_of(std::int64_t timestamp) {
    if (timestamp == AV_NOPTS_VALUE) return advance(last_ ? *last_ + frame_duration_ : Microseconds(0));
    if (start_ == AV_NOPTS_VALUE) start_ = timestamp;
    Microseconds time(av_rescale_q(timestamp - start_, time_base_, AVRational{1, 1'000'000}));
    time += shift_;
    if (last_ && time <= *last_) {
      const auto mended = *last_ + frame_duration_;
      if (*last_ - time > std::chrono::seconds(1)) shift_ += mended - time;
      time = mended;
    }
    return advance(time);
  }

  /// Timestamp of a time, for seeking; nullopt before anything is known.
  std::optional<std::int64_t> timestamp_of(Microseconds time) const {
    if (start_ == AV_NOPTS_VALUE) return std::nullopt;
    return start_ + av_rescale_q_rnd(time.count(), AVRational{1, 1'000'000}, time_base_, AV_ROUND_DOWN);
  }

  /// After a seek: the next time may be any.
  void restart() {
    last_.reset();
    shift_ = Microseconds(0);
  }

 private:
  Microseconds advance(Microseconds time) {
    last_ = time;
    return time;
  }

  AVRational time_base_;
  std::int64_t start_;
  Microseconds frame_duration_;
  Microseconds shift_{0};
  std::optional<Microseconds> last_;
};

}  // namespace goshawk::media
