// Where the frames of a video file are, found by reading its packets without decoding them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "goshawk/core/frame.h"
#include "goshawk/media/source.h"

namespace goshawk::media {

/// Packets of a file's video, numbered from 0 in the order of the file, that can be decoded without those before them.
struct PacketRange {
  std::int64_t first = 0, end = 0;  // first <= number < end
  std::int64_t timestamp = 0;       // of the picture in the first, in units of the stream
  bool operator==(const PacketRange&) const = default;
};

/// The frames of one video file by number, with their times and the packets that they need. Immutable.
class FrameMap {
 public:
  /// Reads the packets of the file at `path`; with `options.end` those of the frames before it. nullopt where packets do not
  /// tell for certain which frames there are: no file on disk, an image, missing or doubtful timestamps, interlaced video, a
  /// codec whose packets may hold no picture, damage. Index and time are those that `Source` gives to the decoded frames,
  /// as long as every packet can be decoded.
  /// Throws as `open_source` does, and Error{kInterrupted}.
  static std::optional<FrameMap> of_file(const std::string& path, const SourceOptions& options, std::stop_token stop);

  std::int64_t frames() const { return static_cast<std::int64_t>(frames_.size()); }
  Microseconds time(std::int64_t index) const { return frames_[static_cast<std::size_t>(index)].time; }
  std::int64_t packets() const { return packets_; }

  /// Number of the frame with a timestamp of the stream; nullopt when there is none.
  std::optional<std::int64_t> index_at(std::int64_t timestamp) const;

  /// What must be decoded to get the frames of these numbers (ascending): runs that begin with key frames or with the file,
  /// in the order of the file, with packets between them.
  std::vector<PacketRange> packets_for(std::span<const std::int64_t> indexes) const;

 private:
  friend class FrameMapBuilder;
  struct MappedFrame {
    std::int64_t timestamp = 0, packet = 0;
    Microseconds time{0};
  };
  struct KeyFrame {
    std::int64_t timestamp = 0, packet = 0;
  };

  PacketRange range_for(const MappedFrame& frame) const;

  std::vector<MappedFrame> frames_;  // by timestamp
  std::vector<KeyFrame> keys_;       // by packet; the first packet is always one
  std::int64_t packets_ = 0;
};

}  // namespace goshawk::media
