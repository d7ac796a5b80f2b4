// A detector over images, with pictures and text files at its end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "goshawk/core/detection.h"
#include "goshawk/core/latency.h"
#include "goshawk/detect/detector.h"
#include "goshawk/media/source.h"
#include "goshawk/pipeline/overlay.h"

namespace goshawk::pipeline {

struct PredictOptions {
  int batch = 1;        // images a call of the detector; changes the speed, never the answer
  bool images = true;   // annotated copies, same names
  bool labels = false;  // labels/NAME.txt in YOLO's format, with the confidence as sixth column
  bool crops = false;   // crops/CLASS/NAME-N.jpg, one a detection
  OverlayOptions overlay;
};

/// One image's result.
struct ImagePrediction {
  std::string name;  // file name
  std::string path;  // as the user's folder or pattern led to it
  int width = 0, height = 0;
  Detections detections;  // highest score first, pixels
};

struct PredictSummary {
  std::int64_t images = 0;
  std::vector<std::pair<std::string, std::int64_t>> detections;  // by class (distinct_class_name), most first
  std::vector<std::string> unreadable;                           // one line an image that was skipped: name and why
  std::vector<std::pair<std::string, LatencySummary>> stages;    // read, prepare, inference, postprocess, write
  double wall_seconds = 0;
  bool interrupted = false;
};

/// Detects on every image of `source`, in order, and writes into `folder` what `options` asks for, and predictions.json:
/// a list of {"image", "path", "width", "height", "output", "labels", "detections": [{"box": [x1, y1, x2, y2], "score",
/// "class_id", "class"}]}, where "output" (the annotated picture) and "labels" are below `folder` and stand there only when
/// they are written. Of images with the same name in several folders, later ones' files get a number behind the name.
/// Reading, detection and writing overlap. `on_image` is called in the caller's thread, in order; may be empty.
/// Throws what the parts throw, {kBadData} when no image can be read, {kInterrupted} before the first one; files that were
/// finished before stay.
PredictSummary predict_images(media::Source& source, detect::Detector& detector, const PredictOptions& options,
                              const std::filesystem::path& folder, std::stop_token stop,
                              const std::function<void(const ImagePrediction&)>& on_image);

}  // namespace goshawk::pipeline
