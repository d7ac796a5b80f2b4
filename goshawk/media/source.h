// Where frames come from: files, folders of images, cameras, network streams.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "goshawk/core/frame.h"

namespace goshawk::media {

/// Bounds on what a source may ask of this machine.
struct SourceLimits {
  std::int64_t max_pixels = 8192LL * 8192;  // of one picture
  int max_streams = 64;                     // of one container
};

struct SourceOptions {
  std::optional<Microseconds> start;        // frames with pts >= start
  std::optional<Microseconds> end;          // frames with pts < end
  int every = 1;                            // of the frames in [start, end), each every-th, the first included
  std::optional<std::int64_t> max_frames;   // frames handed out at most
  std::chrono::milliseconds timeout{10'000};  // for opening, and for each frame, of a live source or slow disk
  int threads = 0;                          // decoder threads; 0: chosen by the decoder
  SourceLimits limits;
};

struct SourceInfo {
  std::string name;                 // path or URL without secrets
  int width = 0, height = 0;        // pixels, upright (rotation applied, square pixels not enforced)
  double frame_rate = 0;            // average, frames a second; 0 when unknown or images
  bool variable_frame_rate = false; // as far as the container tells
  std::optional<std::int64_t> frames;      // how many `read` will give, as far as known: for progress only
  std::optional<Microseconds> duration;
  int rotation = 0;                 // degrees clockwise that were applied: 0, 90, 180, 270
  std::string codec;                // "h264", "mjpeg", ...
  std::string pixel_format;         // "yuv420p", ...
  bool live = false;                // frames come in real time and cannot be read again
  bool images = false;              // single pictures without a common clock
};

/// A stream of frames. One thread reads.
class Source {
 public:
  virtual ~Source() = default;
  virtual const SourceInfo& info() const = 0;
  /// The next frame in presentation order; nullopt at the end, after `max_frames`, or when `stop` was asked for.
  /// Throws Error{kBadData} for content that cannot be decoded, {kUnavailable} when a live source is silent for `timeout`.
  /// A truncated file gives the frames that are whole, then ends (a warning is logged).
  virtual std::optional<Frame> read(std::stop_token stop = {}) = 0;
};

/// Opens what `spec` names: a video file, an image, a folder or glob of images (sorted by name), `camera:N` or /dev/videoN,
/// or an rtsp://, http:// or https:// URL. Which protocols libav may use follows from the kind of source, so a playlist on
/// disk cannot reach the network, nor one on the network the disk.
/// Throws Error{kNotFound, kBadData, kUnavailable, kUsage}.
std::unique_ptr<Source> open_source(const std::string& spec, const SourceOptions& options = {}, std::stop_token stop = {});

}  // namespace goshawk::media
