// A detector over many images, reading ahead of it.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "goshawk/core/detection.h"
#include "goshawk/core/frame.h"
#include "goshawk/core/latency.h"
#include "goshawk/detect/detector.h"
#include "goshawk/media/source.h"

namespace goshawk::pipeline {

/// One image with what was found: highest score first, pixels of `frame.image`.
struct DetectedFrame {
  Frame frame;
  Detections detections;
};

/// How `detect_images` went.
struct DetectRun {
  std::vector<std::string> unreadable;                         // one line an image that was skipped: name and why
  std::vector<std::pair<std::string, LatencySummary>> stages;  // read, prepare, inference, postprocess
  bool interrupted = false;
};

/// Detects on every image of `source`, in order; images are read in another thread. `batch` (>= 1) images go into a call of
/// the detector: it changes the speed, never the answer. `on_image` is called in the caller's thread, in order; false ends
/// the run. Throws what source, detector and `on_image` throw.
DetectRun detect_images(media::Source& source, detect::Detector& detector, int batch, const std::stop_token& stop,
                        const std::function<bool(DetectedFrame)>& on_image);

}  // namespace goshawk::pipeline
