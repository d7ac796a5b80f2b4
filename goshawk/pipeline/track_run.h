// A source, a detector and a tracker joined into one run with files at its end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/core/latency.h"
#include "goshawk/detect/detector.h"
#include "goshawk/detect/embedder.h"
#include "goshawk/media/source.h"
#include "goshawk/media/video_writer.h"
#include "goshawk/pipeline/overlay.h"
#include "goshawk/track/signals.h"
#include "goshawk/track/tracker.h"
#include "goshawk/track/zones.h"

namespace goshawk::pipeline {

struct TrackRunOptions {
  track::TrackerOptions tracker;
  int detect_every = 1;  // detection runs on each n-th frame; on the others positions are predicted
  int batch = 1;         // frames a call of the detector; live sources take what is there
  double resize = 1;     // 0.1 to 1: frames are scaled down first, in the video too; boxes stay in the source's pixels
  std::vector<track::Zone> zones;            // in the source's pixels
  std::vector<track::SignalTarget> signals;  // whose motion is written as CSV and funscript
  bool video = true;                         // write the annotated video
  OverlayOptions overlay;
  media::VideoWriterOptions writer;  // size and frame rate follow the source
};

/// The models of a run; they must outlive it.
struct TrackModels {
  detect::Detector& detector;
  detect::Embedder* embedder = nullptr;  // appearance vectors for trackers that compare them; may be null
};

/// Tracks of one class.
struct ClassSummary {
  std::string name;  // distinct_class_name
  std::int64_t tracks = 0;
  double mean_length = 0;  // frames in which a track was reported
  std::int64_t min_length = 0, max_length = 0;
};

/// What a run did. Times are milliseconds.
struct TrackSummary {
  std::int64_t frames = 0;           // tracked and written
  std::int64_t detected_frames = 0;  // on which the detector ran
  std::int64_t detections = 0;
  std::uint64_t dropped_frames = 0;   // of a live source, to stay in time
  double wall_seconds = 0;            // from the first read to the last file closed
  std::vector<ClassSummary> classes;  // those seen, by number of tracks
  std::vector<track::ZoneCounts> zones;
  std::vector<std::filesystem::path> signals;  // files of those targets that were seen
  std::vector<std::string> signals_unseen;     // the other targets
  std::vector<std::string> signals_cut_off;    // targets whose recording was too long to be kept whole
  std::vector<std::pair<std::string, LatencySummary>>
      stages;                           // decode, prepare, inference, postprocess, embed, track, draw, encode
  std::string encoder;                  // empty without video
  bool interrupted = false;             // ended by `stop`
  std::optional<Error> source_error;    // why the source ended early
  std::vector<std::string> unreadable;  // images of a folder that were skipped: one line each
};

/// Reads `source` to its end (or until `stop`), detects, tracks, and writes into `folder`: tracks.jsonl, tracks.csv,
/// mot.txt, events.jsonl (where there are zones) and `video_name` (MP4). Decoding, detection, and drawing with encoding run
/// in threads of their own, joined by bounded queues; memory does not grow with the length of the video. A live source drops
/// its oldest waiting frames.
///
/// When the source fails in the middle, what came before is finished and kept, and `source_error` says why. When anything
/// else fails, unfinished files are removed and the error is thrown.
/// `on_progress` is called in the caller's thread after each frame with the number of frames done. May be empty.
TrackSummary track_source(media::Source& source, const TrackModels& models, const TrackRunOptions& options,
                          const std::filesystem::path& folder, const std::string& video_name, std::stop_token stop,
                          const std::function<void(std::int64_t)>& on_progress);

/// The summary as stats.json stores it (without machine, model and config, which the command adds).
nlohmann::json to_json(const TrackSummary& summary, const std::vector<std::string>& class_names);

}  // namespace goshawk::pipeline
