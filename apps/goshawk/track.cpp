// goshawk track: an annotated video with tracks, their text files, and a table.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/describe.h"
#include "apps/goshawk/interrupt.h"
#include "apps/goshawk/keep.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/options.h"
#include "apps/goshawk/progress_bar.h"
#include "apps/goshawk/run_folder.h"
#include "apps/goshawk/version.h"
#include "goshawk/core/document.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/pipeline/track_run.h"
#include "goshawk/runtime/memory.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json describe_source(const media::SourceInfo& info) {
  return {{"name", info.name},
          {"width", info.width},
          {"height", info.height},
          {"frame_rate", info.frame_rate},
          {"codec", info.codec},
          {"pixel_format", info.pixel_format},
          {"rotation", info.rotation},
          {"live", info.live},
          {"variable_frame_rate", info.variable_frame_rate}};
}

json describe_memory(const runtime::SessionStatistics& statistics) {
  json memory{{"rss_bytes", statistics.resident_bytes}, {"peak_rss_bytes", statistics.peak_resident_bytes}};
  if (statistics.device_bytes > 0) {
    memory["device_bytes"] = statistics.device_bytes;
    memory["peak_device_bytes"] = statistics.peak_device_bytes;
  }
  return memory;
}

void print_table(const pipeline::TrackSummary& summary, const media::SourceInfo& info, const json& model,
                 const fs::path& folder, const std::string& video_name) {
  const double fps = summary.wall_seconds > 0 ? static_cast<double>(summary.frames) / summary.wall_seconds : 0;
  fmt::print("{} frames of {} ({}x{}) in {:.1f} s: {:.1f} FPS on {} ({})\n\n", summary.frames, info.name, info.width,
             info.height, summary.wall_seconds, fps, model["device"].get<std::string>(),
             model["precision"].get<std::string>());
  if (summary.dropped_frames > 0) fmt::print("{} frames were dropped to stay in time\n\n", summary.dropped_frames);
  Table tracks({"class", "tracks", "mean frames", "longest"});
  for (const auto& row : summary.classes) {
    tracks.add_row(
        {row.name, std::to_string(row.tracks), fmt::format("{:.1f}", row.mean_length), std::to_string(row.max_length)});
  }
  if (summary.classes.empty()) fmt::print("no tracks: nothing was detected above the thresholds\n\n");
  else fmt::print("{}\n", tracks.str());
  if (!summary.zones.empty()) {
    Table zones({"zone", "in", "out", "inside", "mean dwell s"});
    for (const auto& counts : summary.zones) {
      const auto total = counts.total();
      const bool line = counts.kind == track::ZoneKind::kLine;
      const double dwell = std::chrono::duration<double>(total.dwell_mean()).count();
      zones.add_row({counts.name, std::to_string(total.in), std::to_string(total.out),
                     line ? "" : std::to_string(total.inside), line ? "" : fmt::format("{:.1f}", dwell)});
    }
    fmt::print("{}\n", zones.str());
  }
  Table stages({"stage", "ms/call", "p50", "p95", "p99", "total s"});
  for (const auto& [name, s] : summary.stages) {
    if (s.count == 0) continue;
    stages.add_row({name, fmt::format("{:.2f}", s.mean), fmt::format("{:.2f}", s.p50), fmt::format("{:.2f}", s.p95),
                    fmt::format("{:.2f}", s.p99), fmt::format("{:.2f}", s.total / 1000)});
  }
  fmt::print("{}\n", stages.str());
  if (!summary.encoder.empty()) fmt::print("video   {}\n", (folder / video_name).string());
  if (!summary.zones.empty()) fmt::print("events  {}\n", (folder / "events.jsonl").string());
  for (const auto& file : summary.signals) fmt::print("signal  {}\n", file.string());
  fmt::print("tracks  {}\n", (folder / "tracks.{jsonl,csv}").string());
  fmt::print("stats   {}\n", (folder / "stats.json").string());
}

/// SORT has no use of its own for weak detections: each begins a track.
bool takes_all(const track::TrackerOptions& tracker) {
  const auto* sort = std::get_if<track::SortOptions>(&tracker.algorithm);
  return sort != nullptr && sort->detection_threshold == 0;
}

int run_track(const Invocation& call) {
  const std::string spec = call.argument(0);
  const auto model_path = resolve_model(call.config.text("model")).path;
  std::vector<std::string> warnings;  // of the source, for stats.json; said by one thread at a time
  auto source = media::open_source(spec, source_options(call.config, &warnings), call.stop);
  const auto& info = source->info();
  Config config = call.config.for_resolution(info.width, info.height);
  auto tracker = tracker_options(config, info.frame_rate);
  if (takes_all(tracker) && config.entry("detect.conf").layer == ConfigLayer::kDefault) {
    config.set("detect.conf", nullptr, ConfigLayer::kDefault, "default");
  }
  std::optional<LeaveOnStop> loading(call.stop);  // nothing is written yet
  auto detecting = detector_options(config);
  detecting.session.parallel_runs = parallel_runs(config, info);
  detecting.session.warm_up_cached = info.live;  // a file's first frame may take longer, its last one shall not come later
  auto& detector = keep_to_the_end(detect::Detector::load(model_path, detecting));

  pipeline::TrackRunOptions options;
  options.detect_every = static_cast<int>(config.integer("source.every"));
  options.tracker = std::move(tracker);
  options.batch = batch_size(config, detector);
  options.zones = zone_options(config);
  options.signals = signal_options(config);
  options.resize = config.number("source.resize");
  options.video = config.boolean("output.video");
  options.overlay = overlay_options(config);
  options.writer = writer_options(config);

  detect::Embedder* embedder = nullptr;
  if (const auto reid = config.path_if_set("track.reid")) {
    if (!std::holds_alternative<track::BotSortOptions>(options.tracker.algorithm)) {
      throw Error(ErrorCode::kUsage, "only botsort compares appearance", "--reid", "add --tracker botsort");
    }
    embedder = &keep_to_the_end(detect::Embedder::load(*reid, {.session = session_options(config)}));
  }

  loading.reset();
  const RunFolder run(call, spec);
  const fs::path& folder = run.path();
  const std::string video_name = name_of_source(spec) + ".mp4";

  ProgressBar progress(call, "tracking", info.frames, "frames");
  const auto summary = pipeline::track_source(*source, {detector, embedder}, options, folder, video_name, call.stop,
                                              [&](std::int64_t done) { progress.update(done); });
  progress.finish();
  for (const auto& line : summary.unreadable) spdlog::warn("skipped: {}", line);
  for (const auto& target : summary.signals_unseen) {
    spdlog::warn("the signal {} has no files: nothing of it was seen", target);
  }
  for (const auto& target : summary.signals_cut_off) {
    spdlog::warn("the signal {} ends after 2,000,000 samples; what came later is not in its files", target);
  }

  write_file_atomically(folder / "config.yaml", to_yaml(config.to_json()));
  json stats = pipeline::to_json(summary, detector.recipe().class_names);
  stats["source"] = describe_source(info);
  stats["source"]["warnings"] = warnings;
  stats["model"] = describe_model(model_path, detector);
  stats["tracker"] = track::name(options.tracker);
  stats["machine"] = describe_this_machine();
  stats["memory"] = describe_memory(detector.session().statistics());
  stats["version"] = kVersion;
  stats["config"] = config.to_json();
  write_file_atomically(folder / "stats.json", json_text(stats) + "\n");

  if (call.json) {
    stats["folder"] = folder.string();
    fmt::print("{}\n", json_text(stats));
  } else {
    print_table(summary, info, stats["model"], folder, video_name);
  }
  if (summary.source_error) {
    throw Error(summary.source_error->code(), std::string("the source ended early: ") + summary.source_error->what(),
                summary.source_error->where(), "What came before is in " + folder.string());
  }
  if (summary.interrupted && !info.live) return exit_code(ErrorCode::kInterrupted);
  return summary.unreadable.empty() ? 0 : exit_code(ErrorCode::kBadData);
}

}  // namespace

Command track_command() {
  Command command;
  command.name = "track";
  command.group = Group::kUse;
  command.summary = "Track objects in a video, a camera or a stream";
  command.details =
      "Writes runs/track/NAME/ with the annotated video, tracks.jsonl, tracks.csv, mot.txt, stats.json and config.yaml; "
      "events.jsonl with --line and --zone, a CSV and a funscript with --signal. With --every N the detector looks at each "
      "N-th frame, and positions are predicted on the others. --tracker sort takes the model's own confidence.";
  command.positionals = {{.name = "SOURCE", .help = "video, folder of images, camera:N or URL", .flag = "source"}};
  command.defaults = {{"detect.conf", "0.1"}};  // trackers, but not SORT, use weak detections to keep a track alive
  command.settings = {"model",          "runtime",       "detect",       "source",         "track",
                      "output.project", "output.name",   "output.video", "output.encoder", "output.quality",
                      "output.labels",  "output.trails", "output.fps"};
  command.json = true;
  command.examples = {"goshawk track street.mp4", "goshawk track rtsp://camera/stream --classes person,car",
                      "goshawk track match.mp4 --tracker botsort --every 2 --device openvino"};
  command.run = run_track;
  return command;
}

}  // namespace goshawk::cli
