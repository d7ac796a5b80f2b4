// Leads a decoder through the packets that chosen frames of a file need.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "goshawk/media/frame_map.h"

namespace goshawk::media {

/// Says of each packet whether to decode it, and of each picture whether it is wanted. Packets are decoded in runs, each
/// from a key frame; the decoder is drained after each. When a run does not give what the map promises, `take_everything`
/// makes the file be decoded whole. Not thread-safe.
class FrameChoice {
 public:
  enum class Picture { kWanted, kOther, kUnexpected };

  FrameChoice(std::shared_ptr<const FrameMap> map, std::vector<std::int64_t> indexes)
      : map_(std::move(map)), indexes_(std::move(indexes)), ranges_(map_->packets_for(indexes_)) {}

  /// Of the next packet of the file: whether it is decoded.
  bool decodes_packet() { return everything_ || packet_++ >= ranges_[range_].first; }
  /// Whether the run has no more packets.
  bool at_end_of_range() const { return !everything_ && packet_ >= ranges_[range_].end; }

  /// Of each picture that the decoder gives, with its timestamp in units of the stream. `doubtful`: the decoder says so.
  Picture judge(std::int64_t timestamp, bool doubtful) {
    if (!everything_ && ranges_[range_].first > 0) {
      const std::int64_t key = ranges_[range_].timestamp;
      if (timestamp < key) return Picture::kOther;  // leads the key frame, without what it refers to
      if (doubtful || (!begun_ && timestamp != key)) return Picture::kUnexpected;
      begun_ = true;
    }
    const auto index = map_->index_at(timestamp);
    if (!index || done()) return Picture::kOther;
    while (!done() && indexes_[next_] < *index) {
      if (!everything_) return Picture::kUnexpected;
      ++next_;  // cannot be decoded
    }
    if (done() || indexes_[next_] != *index) return Picture::kOther;
    ++next_;
    return Picture::kWanted;
  }
  /// Number and time of the last wanted picture.
  std::int64_t index() const { return indexes_[next_ - 1]; }
  Microseconds time() const { return map_->time(index()); }

  bool done() const { return next_ == indexes_.size(); }

  /// Once the decoder is drained: goes to the next run. False when this one did not give all of its pictures, or was the
  /// last.
  bool next_range() {
    if (everything_ || done() || range_ + 1 == ranges_.size()) return false;
    const auto needed = map_->packets_for({&indexes_[next_], 1}).front();
    if (needed.first < ranges_[range_ + 1].first) return false;
    ++range_;
    begun_ = false;
    return true;
  }

  /// From now on the packets come from the beginning of the file, and all are decoded.
  void take_everything() { everything_ = true; }
  bool takes_everything() const { return everything_; }

 private:
  std::shared_ptr<const FrameMap> map_;
  std::vector<std::int64_t> indexes_;  // ascending
  std::size_t next_ = 0;               // in indexes_
  std::vector<PacketRange> ranges_;
  std::size_t range_ = 0;
  std::int64_t packet_ = 0;  // number of the next one
  bool begun_ = false;       // a picture of the run has come
  bool everything_ = false;
};

}  // namespace goshawk::media
