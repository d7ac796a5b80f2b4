// goshawk predict: detections of images, as pictures, JSON, YOLO text and crops.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <limits>
#include <optional>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/interrupt.h"
#include "apps/goshawk/keep.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/options.h"
#include "apps/goshawk/progress_bar.h"
#include "apps/goshawk/run_folder.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/document.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/pipeline/predict_run.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;

void print_table(const pipeline::PredictSummary& summary, const fs::path& folder) {
  if (summary.detections.empty()) {
    fmt::print("nothing was detected in {} image{}\n", summary.images, summary.images == 1 ? "" : "s");
  } else {
    Table table({"class", "detections"});
    for (const auto& [name, number] : summary.detections) table.add_row({name, std::to_string(number)});
    fmt::print("{}\n", shown(table));
  }
  std::vector<std::string> times;
  for (const auto& [name, s] : summary.stages) {
    if (s.count > 0) times.push_back(fmt::format("{} {:.1f} ms", name, s.mean));
  }
  fmt::print("{} image{} in {:.2f} s ({})\n{}\n", summary.images, summary.images == 1 ? "" : "s", summary.wall_seconds,
             fmt::join(times, ", "), folder.string());
}

void print_json(const pipeline::PredictSummary& summary, const fs::path& folder) {
  const auto predictions = read_file(folder / "predictions.json", std::numeric_limits<std::uint64_t>::max());
  fmt::print("{{\"folder\": {}, \"images\": {}, \"unreadable\": {}, \"interrupted\": {}, \"predictions\":\n{}}}\n",
             json_quoted(folder.string()), summary.images, json_text(nlohmann::json(summary.unreadable), -1),
             summary.interrupted, predictions);
}

int run_predict(const Invocation& call) {
  const std::string spec = call.argument(0);
  const auto model_path = resolve_model(call.config.text("model")).path;
  auto from = source_options(call.config);
  from.start.reset(), from.end.reset();  // of videos
  auto source = media::open_source(spec, from, call.stop);
  const auto& info = source->info();
  const Config config = call.config.for_resolution(info.width, info.height);
  if (!info.images) {
    throw Error(ErrorCode::kUsage, "predict takes an image, a folder or a glob of images", info.name,
                "For videos, cameras and streams: goshawk track " + shell_word(info.name));
  }
  std::optional<LeaveOnStop> loading(call.stop);  // nothing is written yet
  auto detecting = detector_options(config);
  detecting.session.parallel_runs = parallel_runs(config, info);
  detecting.session.warm_up_cached = false;
  auto& detector = keep_to_the_end(detect::Detector::load(model_path, detecting));
  pipeline::PredictOptions options;
  options.batch = batch_size(config, detector);
  options.images = config.boolean("output.images");
  options.labels = config.boolean("output.txt");
  options.crops = config.boolean("output.crops");
  options.overlay = overlay_options(config);
  loading.reset();
  const RunFolder run(call, spec);
  const fs::path& folder = run.path();

  ProgressBar progress(call, "detecting", info.frames, "images");
  std::int64_t done = 0;
  const auto summary =
      pipeline::predict_images(*source, detector, options, folder, call.stop, [&](const auto&) { progress.update(++done); });
  progress.finish();

  for (const auto& line : summary.unreadable) spdlog::warn("skipped: {}", line);
  if (call.json) print_json(summary, folder);
  else print_table(summary, folder);
  if (summary.interrupted) return exit_code(ErrorCode::kInterrupted);
  return summary.unreadable.empty() ? 0 : exit_code(ErrorCode::kBadData);
}

}  // namespace

Command predict_command() {
  Command command;
  command.name = "predict";
  command.group = Group::kUse;
  command.summary = "Detect objects in images";
  command.details = "Writes runs/predict/NAME/ with annotated images and predictions.json.";
  command.positionals = {{.name = "SOURCE", .help = "image, folder or glob of images", .flag = "source"}};
  command.settings = {"model",       "runtime",       "detect",        "source.max_frames", "output.project",
                      "output.name", "output.images", "output.labels", "output.crops",      "output.txt"};
  command.json = true;
  command.examples = {"goshawk predict photo.jpg", "goshawk predict photos/ --model yolov8n.onnx --txt --crops"};
  command.run = run_predict;
  return command;
}

}  // namespace goshawk::cli
