#include "goshawk/media/frame_map.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/media/container.h"
#include "goshawk/media/libav.h"
#include "goshawk/media/still.h"

namespace goshawk::media {
namespace {

constexpr std::int64_t kMostPackets = 20'000'000;  // a week at 30 frames a second
// How far a picture's place in the order of showing may be from that in the file. Coders hold back 16 pictures at most; what
// moves farther is a file whose clock was set back.
constexpr std::int64_t kFarthestMove = 64;
// Reading on costs less than starting a decoder anew.
constexpr std::int64_t kShortGap = 8;

/// Codecs whose packets, as containers hold them, are one shown picture each. VP8 is not among them: it stores pictures that
/// are never shown.
bool one_picture_a_packet(AVCodecID codec) {
  switch (codec) {
    case AV_CODEC_ID_H264:
    case AV_CODEC_ID_HEVC:
    case AV_CODEC_ID_AV1:
    case AV_CODEC_ID_VP9:
    case AV_CODEC_ID_MPEG1VIDEO:
    case AV_CODEC_ID_MPEG2VIDEO:
    case AV_CODEC_ID_MPEG4:
    case AV_CODEC_ID_MJPEG:
    case AV_CODEC_ID_PRORES:
    case AV_CODEC_ID_DNXHD:
    case AV_CODEC_ID_FFV1:
      return true;
    default:
      return false;
  }
}

/// Whether a VP9 packet shows nothing: its only picture is hidden (VP9 bitstream specification, 6.2 and annex B).
bool is_hidden_vp9(const AVPacket& packet) {
  if (packet.size < 1) return true;
  const unsigned first = packet.data[0], last = packet.data[packet.size - 1];
  if ((last & 0xE0U) == 0xC0U) return false;  // several pictures in one packet, the last of them shown
  const bool reserved_bit = (first & 0x30U) == 0x30U;
  const unsigned bits = reserved_bit ? first << 1U : first;  // marker 2, profile 2, show_existing 1, type 1, show 1
  return (bits & 0x08U) == 0 && (bits & 0x02U) == 0;
}

bool changes_the_stream(const AVPacket& packet) {
  return av_packet_get_side_data(&packet, AV_PKT_DATA_NEW_EXTRADATA, nullptr) != nullptr ||
         av_packet_get_side_data(&packet, AV_PKT_DATA_PARAM_CHANGE, nullptr) != nullptr;
}

bool is_progressive(const AVCodecParameters& coded) {
  return coded.field_order == AV_FIELD_UNKNOWN || coded.field_order == AV_FIELD_PROGRESSIVE;
}

bool is_video_file(const std::string& path) {
  std::error_code ignored;
  return kind_of_source(path) == SourceKind::kDisk && std::filesystem::is_regular_file(path, ignored) &&
         sniff_image(first_bytes(path)) == ImageFormat::kNone;
}

}  // namespace

/// Collects packets while they make sense.
class FrameMapBuilder {
 public:
  explicit FrameMapBuilder(const AVStream& stream)
      : codec_(stream.codecpar->codec_id), time_base_(stream.time_base), start_(stream.start_time) {}

  /// False when the map cannot be made.
  bool add(const AVPacket& packet) {
    const bool first = map_.packets_ == 0;
    const bool key = (packet.flags & AV_PKT_FLAG_KEY) != 0, hidden = (packet.flags & AV_PKT_FLAG_DISCARD) != 0;
    if (packet.pts == AV_NOPTS_VALUE || (packet.flags & AV_PKT_FLAG_CORRUPT) != 0) return false;
    if (packet.dts != AV_NOPTS_VALUE && packet.dts > packet.pts) return false;
    if (first ? !key : changes_the_stream(packet)) return false;
    if (codec_ == AV_CODEC_ID_VP9 && is_hidden_vp9(packet)) return false;
    // Pictures that lead the first key frame lack what they refer to.
    if (!first && !hidden && packet.pts < map_.keys_.front().timestamp) return false;
    if (first || (key && !hidden)) map_.keys_.push_back({packet.pts, map_.packets_});
    if (!hidden) map_.frames_.push_back({packet.pts, map_.packets_, Microseconds(0)});
    return ++map_.packets_ <= kMostPackets;
  }

  std::optional<FrameMap> finish(std::optional<Microseconds> end) {
    if (!sort() || !set_times()) return std::nullopt;
    if (end) {
      std::erase_if(map_.frames_, [&](const auto& frame) { return frame.time >= *end; });
    }
    return std::move(map_);
  }

  /// Whether all frames before `end` are there, so that no more need be read.
  bool is_past(const AVPacket& packet, Microseconds end) const {
    return packet.dts != AV_NOPTS_VALUE && start_ != AV_NOPTS_VALUE && time_of(packet.dts) >= end;
  }

 private:
  using MappedFrame = FrameMap::MappedFrame;

  bool sort() {
    auto& frames = map_.frames_;
    std::vector<std::pair<std::int64_t, std::int64_t>> order;  // timestamp, place in the file
    order.reserve(frames.size());
    for (const auto& frame : frames) order.emplace_back(frame.timestamp, static_cast<std::int64_t>(order.size()));
    std::sort(order.begin(), order.end());
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (std::abs(order[i].second - static_cast<std::int64_t>(i)) > kFarthestMove) return false;
    }
    std::sort(frames.begin(), frames.end(), [](const auto& a, const auto& b) { return a.timestamp < b.timestamp; });
    return !frames.empty();
  }

  bool set_times() {
    if (start_ == AV_NOPTS_VALUE) start_ = map_.frames_.front().timestamp;
    const MappedFrame* before = nullptr;
    for (auto& frame : map_.frames_) {
      frame.time = time_of(frame.timestamp);
      if (before != nullptr && frame.time <= before->time) return false;
      before = &frame;
    }
    return true;
  }

  /// As Timeline has it where times grow.
  Microseconds time_of(std::int64_t timestamp) const {
    return Microseconds(av_rescale_q(timestamp - start_, time_base_, AVRational{1, 1'000'000}));
  }

  AVCodecID codec_;
  AVRational time_base_;
  std::int64_t start_;  // as the container states it before the first packet is read; or AV_NOPTS_VALUE
  FrameMap map_;
};

std::optional<FrameMap> FrameMap::of_file(const std::string& path, const SourceOptions& options, std::stop_token stop) {
  if (!is_video_file(path)) return std::nullopt;
  Container container(path, SourceKind::kDisk, options, stop);
  const AVCodecParameters& coded = *container.stream().codecpar;
  if (!one_picture_a_packet(coded.codec_id) || !is_progressive(coded)) return std::nullopt;

  FrameMapBuilder builder(container.stream());
  const auto packet = new_packet();
  for (;;) {
    const auto status = container.read(*packet, stop);
    if (status == Container::Status::kStopped) {
      throw Error(ErrorCode::kInterrupted, "stopped while reading the source", container.name());
    }
    if (status == Container::Status::kEnd) break;
    const bool past = options.end && builder.is_past(*packet, *options.end);
    const bool sound = past || builder.add(*packet);
    av_packet_unref(packet.get());
    if (!sound) return std::nullopt;
    if (past) break;
  }
  if (!container.damage().empty()) return std::nullopt;
  return builder.finish(options.end);
}

std::optional<std::int64_t> FrameMap::index_at(std::int64_t timestamp) const {
  const auto found =
      std::lower_bound(frames_.begin(), frames_.end(), timestamp,
                       [](const MappedFrame& frame, std::int64_t wanted) { return frame.timestamp < wanted; });
  if (found == frames_.end() || found->timestamp != timestamp) return std::nullopt;
  return found - frames_.begin();
}

/// From the last key frame that is neither behind the frame in the file nor shown after it: a frame that is shown before a
/// key frame may refer to those before that.
PacketRange FrameMap::range_for(const MappedFrame& frame) const {
  auto key = std::upper_bound(keys_.begin(), keys_.end(), frame.packet,
                              [](std::int64_t packet, const KeyFrame& k) { return packet < k.packet; });
  while (key != keys_.begin()) {
    --key;
    if (key->timestamp <= frame.timestamp) break;
  }
  return {key->packet, frame.packet + 1, key->timestamp};
}

std::vector<PacketRange> FrameMap::packets_for(std::span<const std::int64_t> indexes) const {
  std::vector<PacketRange> ranges;
  for (const std::int64_t index : indexes) {
    const PacketRange range = range_for(frames_[static_cast<std::size_t>(index)]);
    if (ranges.empty() || range.first > ranges.back().end + kShortGap) {
      ranges.push_back(range);
    } else if (range.first < ranges.back().first) {  // an order that no coder makes: nothing is left out
      return {{0, packets_, keys_.front().timestamp}};
    } else {
      ranges.back().end = std::max(ranges.back().end, range.end);
    }
  }
  return ranges;
}

}  // namespace goshawk::media
