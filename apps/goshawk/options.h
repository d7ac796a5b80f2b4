// From settings to the libraries' option structs: the one place where keys meet fields.
#pragma once

#include <opencv2/core/types.hpp>

#include "goshawk/core/config.h"
#include "goshawk/detect/detector.h"
#include "goshawk/media/source.h"
#include "goshawk/media/video_writer.h"
#include "goshawk/pipeline/overlay.h"
#include "goshawk/track/signals.h"
#include "goshawk/track/tracker.h"
#include "goshawk/track/zones.h"

namespace goshawk::cli {

/// source.start, end, max_frames, timeout. `every` is the command's to use: it may mean skipping or predicting.
/// What the source warns of is logged, and added to `warnings` where that is given.
media::SourceOptions source_options(const Config& config, std::vector<std::string>* warnings = nullptr);
/// runtime.* and detect.*. Fallbacks of the device are logged as warnings.
detect::DetectorOptions detector_options(const Config& config);
/// runtime.* and engine.*. Throws Error{kBadConfig} for a profile that makes no sense.
runtime::SessionOptions session_options(const Config& config);
/// Keys of runtime.* that `session_options` takes, which are all but the batch, with `more`: for Command::settings.
std::vector<std::string> session_settings(std::initializer_list<const char*> more = {});
/// Where compiled models are kept.
std::filesystem::path engine_folder();
/// track.tracker (a name or a YAML file; NAME.yaml where there is no such file is the name), track.class_aware.
/// `frame_rate`: that the source states; 0: unknown. The tracker's is lower with source.every.
track::TrackerOptions tracker_options(const Config& config, double frame_rate);
/// track.lines, track.zones and track.zones_file, in this order.
std::vector<track::Zone> zone_options(const Config& config);
std::vector<track::SignalTarget> signal_options(const Config& config);
pipeline::OverlayOptions overlay_options(const Config& config);
media::VideoWriterOptions writer_options(const Config& config);
/// Runs at once for a source that is read as fast as possible: as many as frames are handed over together, and threads are
/// there. 1 for live sources, where each frame should be done soon.
int parallel_runs(const Config& config, const media::SourceInfo& source);
/// runtime.batch; "auto" asks the detector what fits into memory.
int batch_size(const Config& config, detect::Detector& detector);

}  // namespace goshawk::cli
