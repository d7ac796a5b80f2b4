#include "apps/goshawk/options.h"

#include <spdlog/spdlog.h>

#include <filesystem>

#include "goshawk/core/files.h"
#include "goshawk/core/machine.h"

namespace goshawk::cli {

media::SourceOptions source_options(const Config& config, std::vector<std::string>* warnings) {
  media::SourceOptions options;
  options.start = config.time_if_set("source.start");
  options.end = config.time_if_set("source.end");
  options.max_frames = config.integer_if_set("source.max_frames");
  if (const auto timeout = config.time_if_set("source.timeout")) {
    options.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(*timeout);
  }
  options.log = [warnings](const std::string& line) {
    spdlog::warn(line);
    if (warnings != nullptr) warnings->push_back(line);
  };
  return options;
}

std::filesystem::path engine_folder() { return user_cache_folder() / "compiled"; }

runtime::SessionOptions session_options(const Config& config) {
  runtime::SessionOptions options;
  options.device = runtime::parse_device(config.text("runtime.device"));
  options.precision = runtime::parse_precision(config.text("runtime.precision"));
  options.threads = static_cast<int>(config.integer("runtime.threads"));
  if (config.boolean("runtime.cache")) options.cache_folder = engine_folder();
  options.engine = {.workspace_bytes = static_cast<std::uint64_t>(config.integer("engine.workspace")) << 20,
                    .min_shapes = config.text("engine.min_shapes"),
                    .opt_shapes = config.text("engine.opt_shapes"),
                    .max_shapes = config.text("engine.max_shapes")};
  runtime::check_engine_options(options.engine);
  options.log = [](const std::string& line) { spdlog::warn(line); };
  return options;
}

detect::DetectorOptions detector_options(const Config& config) {
  const auto as_float = [&](std::string_view key) -> std::optional<float> {
    const auto value = config.number_if_set(key);
    return value ? std::optional<float>(static_cast<float>(*value)) : std::nullopt;
  };
  const auto as_int = [&](std::string_view key) -> std::optional<int> {
    const auto value = config.integer_if_set(key);
    return value ? std::optional<int>(static_cast<int>(*value)) : std::nullopt;
  };
  detect::DetectorOptions options;
  options.session = session_options(config);
  options.recipe = config.path_if_set("detect.recipe");
  options.class_names = config.path_if_set("detect.names");
  options.confidence = as_float("detect.conf");
  options.iou = as_float("detect.iou");
  options.agnostic_nms = config.boolean("detect.agnostic_nms");
  options.max_detections = as_int("detect.max_det");
  options.image_size = as_int("detect.imgsz");
  options.classes = config.list("detect.classes");
  return options;
}

namespace {

track::TrackerOptions tracker_of(const std::string& text) {
  const std::filesystem::path path(text);
  const std::string extension = path.extension().string();
  if (extension != ".yaml" && extension != ".yml" && extension != ".json") return track::tracker_by_name(text);
  std::error_code ignored;
  const std::string stem = path.stem().string();
  if (path.has_parent_path() || std::filesystem::exists(path, ignored) || !track::is_tracker(stem)) {
    return track::read_tracker_options(path);
  }
  spdlog::info("there is no file {}: {} with its published settings", text, stem);  // as Ultralytics names its trackers
  return track::tracker_by_name(stem);
}

}  // namespace

track::TrackerOptions tracker_options(const Config& config, double frame_rate) {
  track::TrackerOptions options = tracker_of(config.text("track.tracker"));
  if (frame_rate > 0) options.frame_rate = frame_rate;
  options.frame_rate /= static_cast<double>(config.integer("source.every"));
  if (config.entry("track.class_aware").layer != ConfigLayer::kDefault) {  // a tracker's file may say it too
    options.class_aware = config.boolean("track.class_aware");
  }
  return options;
}

std::vector<track::Zone> zone_options(const Config& config) {
  std::vector<track::Zone> zones;
  int number = 0;
  for (const auto& text : config.list("track.lines")) zones.push_back(track::parse_line(text, ++number));
  number = 0;
  for (const auto& text : config.list("track.zones")) zones.push_back(track::parse_polygon(text, ++number));
  if (const auto file = config.path_if_set("track.zones_file")) {
    for (auto& zone : track::read_zones(*file)) zones.push_back(std::move(zone));
  }
  return zones;
}

std::vector<track::SignalTarget> signal_options(const Config& config) {
  std::vector<track::SignalTarget> targets;
  for (const auto& text : config.list("track.signals")) targets.push_back(track::parse_signal_target(text));
  return targets;
}

pipeline::OverlayOptions overlay_options(const Config& config) {
  pipeline::OverlayOptions options;
  options.labels = config.boolean("output.labels");
  options.trails = config.boolean("output.trails");
  options.fps = config.boolean("output.fps");
  return options;
}

std::vector<std::string> session_settings(std::initializer_list<const char*> more) {
  std::vector<std::string> keys{"runtime.device", "runtime.precision", "runtime.threads", "runtime.cache"};
  keys.insert(keys.end(), more.begin(), more.end());
  return keys;
}

media::VideoWriterOptions writer_options(const Config& config) {
  media::VideoWriterOptions options;
  options.encoder = config.text("output.encoder");
  options.quality = static_cast<int>(config.integer("output.quality"));
  return options;
}

int parallel_runs(const Config& config, const media::SourceInfo& source) {
  if (source.live) return 1;
  const std::int64_t threads = config.integer("runtime.threads") > 0 ? config.integer("runtime.threads") : usable_cores();
  return static_cast<int>(std::min(threads, config.integer_if_set("runtime.batch").value_or(threads)));
}

int batch_size(const Config& config, detect::Detector& detector) {
  const auto batch = config.integer_if_set("runtime.batch");
  return batch ? static_cast<int>(*batch) : detector.fitting_batch();
}

}  // namespace goshawk::cli
