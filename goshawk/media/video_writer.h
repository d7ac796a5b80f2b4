// Writing a video that browsers play.
#pragma once

#include <filesystem>
#include <memory>
#include <opencv2/core/mat.hpp>
#include <string>

#include "goshawk/core/frame.h"

namespace goshawk::media {

struct VideoWriterOptions {
  int width = 0, height = 0;     // pixels; odd sizes are padded by one for yuv420p
  double frame_rate = 25;        // nominal; timestamps come with the frames
  std::string encoder = "auto";  // auto: libx264, else what this build of libav has (`VideoWriter::encoder` tells)
  int quality = 23;              // CRF of x264 (0 best, 51 worst), mapped for other encoders
  std::string preset = "ultrafast";
  int threads = 0;  // 0: chosen by the encoder
};

/// Encodes BGR frames into MP4 (H.264, yuv420p, BT.709, faststart). The file has its final name only after `finish`; the
/// destructor removes what was not finished. One thread.
class VideoWriter {
 public:
  /// Throws Error{kUnavailable} when no encoder fits, {kBadData} for sides beyond 16384, {kUsage} for an
  /// unknown preset, {kIo} when the file cannot be created.
  VideoWriter(std::filesystem::path path, const VideoWriterOptions& options);
  ~VideoWriter();
  VideoWriter(VideoWriter&&) noexcept;
  VideoWriter& operator=(VideoWriter&&) noexcept;

  /// `image`: 8-bit BGR of the size given at the start. `pts` must grow; a frame that does not is moved to the next tick.
  /// Throws Error{kIo} when writing fails (disk full).
  void write(const cv::Mat& image, Microseconds pts);
  /// Flushes the encoder, moves the index to the front, and gives the file its name. Throws Error{kIo}.
  void finish();
  /// Name of the encoder in use, for instance "libx264".
  const std::string& encoder() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace goshawk::media
