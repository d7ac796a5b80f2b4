// One opened container or stream: packets of its video, with every wait bounded.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "goshawk/media/interrupt.h"
#include "goshawk/media/libav.h"
#include "goshawk/media/source.h"
#include "goshawk/media/source_kind.h"

namespace goshawk::media {

/// Not thread-safe; must not move while open.
class Container {
 public:
  enum class Status { kPacket, kEnd, kStopped };

  /// Opens and picks the video stream. Throws Error{kNotFound, kBadData, kUnavailable, kInterrupted}.
  Container(const std::string& spec, SourceKind kind, const SourceOptions& options, std::stop_token stop);
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  const std::string& name() const { return name_; }
  AVFormatContext& format() { return *format_; }
  AVStream& stream() { return *format_->streams[stream_]; }
  const AVCodec& decoder() const { return *decoder_; }
  bool live() const { return live_; }
  /// How many frames the file says that it holds; 0 where that says nothing: AVI counts dropped frames too, and so counts
  /// only where the file is shorter than it says.
  std::int64_t stated_frames() const { return stated_frames_; }

  /// The next packet of the video stream. A read that fails in the middle of a file ends it, and `damage` says why.
  /// Throws Error{kUnavailable} when nothing comes within the timeout, or a live source breaks.
  Status read(AVPacket& packet, std::stop_token stop);
  /// Goes to a key frame at or before `timestamp` (in the stream's time base). False when the container cannot.
  bool seek(std::int64_t timestamp, std::stop_token stop);
  /// What was wrong with the file so far; empty when nothing was.
  const std::string& damage() const { return damage_; }

 private:
  void open(const SourceOptions& options);
  void choose_stream(const SourceOptions& options);
  [[noreturn]] void throw_open_error(int status) const;
  Status end_with(int status);

  std::string spec_;
  SourceKind kind_;
  std::string name_;
  std::chrono::milliseconds timeout_;
  Interrupt interrupt_;
  Av<AVFormatContext> format_;
  const AVCodec* decoder_ = nullptr;
  int stream_ = -1;
  bool live_ = false;
  std::int64_t stated_frames_ = 0;
  std::string damage_;
};

}  // namespace goshawk::media
