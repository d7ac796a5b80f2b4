// The text files of a tracking run.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "goshawk/core/files.h"
#include "goshawk/core/frame.h"
#include "goshawk/track/tracker.h"

namespace goshawk::pipeline {

/// Writes, frame by frame and in step with each other:
///   tracks.jsonl  a line a frame: {"frame", "time", "tracks": [{"id", "class_id", "class", "score", "box", "predicted"}]},
///                 and of a folder of images "image", the file's name
///   tracks.csv    a line a track and frame, columns of supervision's CSVSink (0.27):
///                 x_min,y_min,x_max,y_max,class_id,confidence,tracker_id,class_name,frame_index,time
///   mot.txt       MOT Challenge: frame,id,left,top,width,height,confidence,-1,-1,-1 (frames and pixels count from 1)
/// `frame` and `frame_index` count from 0; times are seconds; boxes are pixels, from 0 but in mot.txt. The files get their
/// names in `commit`.
/// Not thread-safe.
class TrackWriters {
 public:
  /// Throws Error{kIo}.
  TrackWriters(const std::filesystem::path& folder, std::vector<std::string> class_names);
  void write(const Frame& frame, std::span<const track::Track> tracks);
  /// Throws Error{kIo} when something could not be written.
  void commit();

 private:
  std::vector<std::string> class_names_;
  AtomicFile jsonl_, csv_, mot_;
};

}  // namespace goshawk::pipeline
