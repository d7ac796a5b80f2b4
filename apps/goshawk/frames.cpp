// goshawk frames: still images out of videos, with frames.json.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/data_set.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/options.h"
#include "apps/goshawk/run_folder.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/progress.h"
#include "goshawk/core/text.h"
#include "goshawk/media/source_kind.h"
#include "goshawk/pipeline/frames_run.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr Microseconds kLeastTime{1};

pipeline::FrameSelection selection_of(const Invocation& call) {
  // As a flag: settings files are those of other commands too (`track`), and what is in them is no choice of frames.
  const bool every = given_as_flag(call, "source.every");
  const int ways = int{every} + int{call.has("interval")} + int{call.has("random")} + int{call.has("scenes")};
  if (ways > 1) throw Error(ErrorCode::kUsage, "--every, --interval, --random and --scenes exclude each other: give one");
  if (call.has("seed") && !call.has("random")) throw Error(ErrorCode::kUsage, "--seed goes with --random");
  if (call.has("scene-threshold") && !call.has("scenes"))
    throw Error(ErrorCode::kUsage, "--scene-threshold goes with --scenes");
  if (every) return pipeline::EveryFrames{call.config.integer("source.every")};
  if (call.has("random")) {
    pipeline::RandomFrames random{*integer_option(call, "random", 1, 100'000'000)};
    random.seed = count_option(call, "seed").value_or(random.seed);
    return random;
  }
  if (call.has("scenes")) {
    pipeline::SceneChanges scenes;
    scenes.threshold = number_option(call, "scene-threshold", 0.1, 100).value_or(scenes.threshold);
    return scenes;
  }
  const auto interval = time_option(call, "interval", kLeastTime);
  return interval ? pipeline::EveryInterval{*interval} : pipeline::EveryInterval{};
}

pipeline::FramesOptions options_of(const Invocation& call) {
  pipeline::FramesOptions options;
  options.selection = selection_of(call);
  const auto source = source_options(call.config);
  options.start = source.start;
  options.end = source.end;
  if (const auto duration = time_option(call, "duration", kLeastTime)) {
    if (given_as_flag(call, "source.end"))
      throw Error(ErrorCode::kUsage, "--end and --duration exclude each other: give one");
    options.end = options.start.value_or(Microseconds(0)) + *duration;
  }
  if (options.start && options.end && *options.end <= *options.start) {
    throw Error(ErrorCode::kUsage, "the end must come after the start", "--end");
  }
  options.max_frames = source.max_frames;
  options.timeout = source.timeout;
  options.min_change = number_option(call, "min-change", 0, 100).value_or(options.min_change);
  if (call.has("format")) {
    const std::string& format = call.options.at("format");
    if (format != "jpg" && format != "jpeg" && format != "png") {
      throw Error(ErrorCode::kUsage, "--format must be jpg or png, not '" + format + "'");
    }
    options.encoding.png = format == "png";
  }
  if (options.encoding.png) refuse_flags(call, {"quality"}, "it is for JPEG", "PNG loses nothing.");
  if (const auto quality = integer_option(call, "quality", 1, 100)) options.encoding.quality = static_cast<int>(*quality);
  options.restart = call.has("restart");
  options.log = [](const std::string& line) { spdlog::warn(line); };
  return options;
}

/// A folder stands for the videos in it.
std::vector<pipeline::FramesInput> inputs_of(const Invocation& call) {
  std::vector<pipeline::FramesInput> inputs;
  const auto add = [&](const std::string& spec) {
    std::string name = name_of_source(spec);
    std::replace_if(
        name.begin(), name.end(), [](unsigned char c) { return c < 32 || c == '\\'; }, '_');
    while (name.starts_with('.')) name.erase(0, 1);
    inputs.push_back({spec, name.empty() ? "video" : name});
  };
  for (const auto& spec : call.arguments) {
    std::error_code ignored;
    if (media::kind_of_source(spec) != media::SourceKind::kDisk || !fs::is_directory(spec, ignored)) {
      add(spec);
      continue;
    }
    for (const auto& video : pipeline::videos_in_folder(spec)) add(video.string());
  }
  return inputs;
}

void check_bounded(const std::vector<pipeline::FramesInput>& inputs, const pipeline::FramesOptions& options) {
  for (const auto& input : inputs) {
    const auto kind = media::kind_of_source(input.spec);
    const bool live = kind == media::SourceKind::kCamera || kind == media::SourceKind::kRtsp;  // http may be a file
    if (live && !options.end && !options.max_frames) {
      throw Error(ErrorCode::kUsage, "a live source has no end", without_secrets(input.spec),
                  "Say how long with --duration, or how many with --max-frames.");
    }
  }
}

std::string state_text(const pipeline::FramesRow& row) {
  if (row.error) return "failed";
  if (row.state == dataset::FrameSourceState::kPartial) return "stopped";
  return row.written == 0 && row.earlier > 0 ? "done before" : "done";
}

void print_table(const pipeline::FramesSummary& summary, const fs::path& folder) {
  Table table({"source", "read", "written", "from before", "similar", "state"});
  std::int64_t written = 0, there = 0;
  for (const auto& row : summary.sources) {
    table.add_row({row.name, std::to_string(row.read), std::to_string(row.written), std::to_string(row.earlier),
                   std::to_string(row.similar), state_text(row)});
    written += row.written;
    there += row.written + row.earlier;
  }
  fmt::print("{}\n{} image{} written in {:.1f} s, {} there now\n{}\n", shown(table), written, written == 1 ? "" : "s",
             summary.wall_seconds, there, (folder / "frames.json").string());
}

json to_json(const pipeline::FramesSummary& summary, const fs::path& folder) {
  json sources = json::array();
  for (const auto& row : summary.sources) {
    sources.push_back({{"name", row.name},
                       {"path", row.path},
                       {"state", dataset::name(row.state)},
                       {"read", row.read},
                       {"written", row.written},
                       {"earlier", row.earlier},
                       {"similar", row.similar},
                       {"error", row.error ? json(row.error->what()) : json()}});
  }
  return {{"folder", folder.string()},
          {"frames_file", (folder / "frames.json").string()},
          {"seconds", summary.wall_seconds},
          {"interrupted", summary.interrupted},
          {"sources", sources}};
}

/// In kilobytes or megabytes of video, or in frames where a live source has no end.
class FramesBar {
 public:
  explicit FramesBar(std::size_t sources) : sources_(sources) {}
  void update(const pipeline::FramesProgress& now) {
    const bool large = now.total >= 1e8;
    const double unit = large ? 1e6 : 1e3;
    if (!bar_) {
      if (now.total >= unit) bar_.emplace("taking frames", static_cast<std::int64_t>(now.total / unit), large ? "MB" : "kB");
      else bar_.emplace("taking frames", std::nullopt, "frames");
    }
    const std::string files = sources_ > 1 ? fmt::format("{}/{} videos, ", now.sources_ended, sources_) : "";
    bar_->update(now.total >= unit ? static_cast<std::int64_t>(now.done / unit) : now.read,
                 fmt::format("{}{} images", files, now.written));
  }
  void finish() {
    if (bar_) bar_->finish();
  }

 private:
  std::size_t sources_;
  std::optional<Progress> bar_;
};

int run_frames(const Invocation& call) {
  if (!call.has("out")) {
    throw Error(ErrorCode::kUsage, "`goshawk frames` needs --out: the folder for the images", "",
                "for instance goshawk frames " + shell_word(call.argument(0)) + " --out frames");
  }
  const fs::path folder = call.options.at("out");
  const auto options = options_of(call);
  const auto inputs = inputs_of(call);
  check_bounded(inputs, options);
  FramesBar bar(inputs.size());
  const bool quiet = call.config.boolean("log.quiet");
  const auto summary = pipeline::extract_frames(inputs, folder, options, call.stop, [&](const auto& now) {
    if (!quiet) bar.update(now);
  });
  bar.finish();
  if (call.json) fmt::print("{}\n", json_text(to_json(summary, folder)));
  else print_table(summary, folder);

  const pipeline::FramesRow* failed = nullptr;
  for (const auto& row : summary.sources) {
    if (!row.error) continue;
    if (failed != nullptr) spdlog::warn("{}", failed->error->describe());
    failed = &row;
  }
  if (failed != nullptr) throw Error(*failed->error);
  return summary.interrupted ? exit_code(ErrorCode::kInterrupted) : 0;
}

}  // namespace

Command frames_command() {
  Command command;
  command.name = "frames";
  command.group = Group::kData;
  command.summary = "Take still images out of videos";
  command.details =
      "Writes DIR/NAME_INDEX.jpg and DIR/frames.json (source, index, time and hash of each). Run again, it goes on where it "
      "stopped. Without --every, --interval, --random or --scenes it takes a frame a second.";
  command.positionals = {{.name = "SOURCE", .help = "videos, folders of videos, camera:N or URLs", .many = true}};
  command.settings = {"source.start", "source.end", "source.every", "source.max_frames", "source.timeout"};
  command.options = {
      {"out", "DIR", "Folder for the images and frames.json"},
      {"interval", "T", "Take the first frame at or after each T seconds"},
      {"random", "N", "Take N frames of each source at random"},
      {"seed", "S", "Which random frames; default 0"},
      {"scenes", "", "Take the first frame of each scene"},
      {"scene-threshold", "X", "How much a scene's first frame differs, 0.1 to 100; default 10"},
      {"duration", "T", "Stop after T seconds of each source"},
      {"min-change", "P", "Pass over frames that differ from the last one taken by less than P % of full scale"},
      {"format", "F", "jpg or png; default jpg", {"jpg", "png"}},
      {"quality", "Q", "Quality of JPEG, 1 to 100; default 92"},
      {"restart", "", "Take the sources anew, even where frames of them are there"}};
  command.json = true;
  command.examples = {"goshawk frames street.mp4 --out frames --interval 2",
                      "goshawk frames clips/ --out frames --random 200 --seed 7 --min-change 2",
                      "goshawk frames rtsp://camera/stream --out frames --duration 60 --every 25"};
  command.run = run_frames;
  return command;
}

}  // namespace goshawk::cli
