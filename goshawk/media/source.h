// Where frames come from: files, folders of images, cameras, network streams.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "goshawk/core/frame.h"

namespace goshawk::media {

class FrameMap;

/// Bounds on what a source may ask of this machine.
struct SourceLimits {
  std::int64_t max_pixels = 8192LL * 8192;  // of one picture
  int max_streams = 64;                     // of one container
};

/// Some frames of a video file.
struct ChosenFrames {
  std::shared_ptr<const FrameMap> map;  // of this file; not null
  std::vector<std::int64_t> indexes;    // in the map, ascending
};

struct SourceOptions {
  // start and end are for video only; a folder of images with them is Error{kUsage}.
  std::optional<Microseconds> start;          // frames with pts >= start
  std::optional<Microseconds> end;            // frames with pts < end
  std::optional<std::int64_t> max_frames;     // frames handed out at most
  std::chrono::milliseconds timeout{10'000};  // for opening, and for each frame, of a live source or slow disk
  int threads = 0;                            // decoder threads; 0: chosen by the decoder
  SourceLimits limits;
  std::function<void(const std::string&)> log;  // one-line warnings, said on the thread that reads; may be empty
  // For video: frames of which it says no are passed over before they are converted, which costs less than reading them;
  // asked of each frame in [start, end), in order. May be empty: all are wanted.
  std::function<bool(std::int64_t index, Microseconds pts)> wanted;
  // Of a video file, without start: these frames alone. What none of them needs is read past, not decoded.
  std::optional<ChosenFrames> chosen;
};

struct SourceInfo {
  std::string name;                    // path or URL without secrets
  int width = 0, height = 0;           // pixels, upright (rotation applied, square pixels not enforced)
  double frame_rate = 0;               // average, frames a second; 0 when unknown or images
  bool variable_frame_rate = false;    // as far as the container tells
  std::optional<std::int64_t> frames;  // how many `read` will give, as far as known: for progress only
  std::optional<Microseconds> duration;
  int rotation = 0;          // degrees clockwise that were applied: 0, 90, 180, 270
  std::string codec;         // "h264", "mjpeg", ...
  std::string pixel_format;  // "yuv420p", ...
  bool live = false;         // frames come in real time and cannot be read again
  bool images = false;       // single pictures without a common clock
};

/// A stream of frames. One thread reads.
class Source {
 public:
  virtual ~Source() = default;
  virtual const SourceInfo& info() const = 0;
  /// The next frame in presentation order; nullopt at the end, after `max_frames`, or when `stop` was asked for.
  /// pts: from the start of the video stream, as the container states it (edit lists applied); a frame without a time, or
  /// with one not after its predecessor's, follows that by one frame's duration. index: counted from the start of the file.
  /// After `start` it comes from the container's index (MP4, MOV), or else from pts and the average frame rate, so that it
  /// is an estimate for video of variable frame rate in other containers. A picture whose size differs from the first one's
  /// is scaled to that. Throws Error{kUnavailable} when nothing comes for `timeout` or a live source breaks; {kBadData} for
  /// one damaged image of many: the next call gives the next image. A truncated file gives what can be decoded, then ends;
  /// `log` is told.
  virtual std::optional<Frame> read(std::stop_token stop = {}) = 0;
};

/// Opens what `spec` names: a video file, an image, a folder or glob of images (sorted by name), `camera:N` or /dev/videoN,
/// or an rtsp://, http:// or https:// URL (HLS included). Content decides what a file is, not its name. Which protocols
/// libav may use follows from the kind of source, so a playlist on disk cannot reach the network, nor one on the network the
/// disk. The first frame of a video is decoded here, so that what cannot be read fails before anything else is started.
/// Throws Error{kNotFound, kBadData, kUnavailable, kUsage, kInterrupted}.
std::unique_ptr<Source> open_source(const std::string& spec, const SourceOptions& options = {}, std::stop_token stop = {});

/// True for rtsp(s):// and http(s):// sources.
bool is_url(const std::string& spec);

}  // namespace goshawk::media
