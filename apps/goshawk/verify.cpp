// goshawk verify: does a model still give the recorded answers here?

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/interrupt.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/options.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/detect/conformance.h"
#include "goshawk/media/image.h"
#include "goshawk/runtime/model_file.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;

std::vector<detect::NamedImage> read_images(std::span<const std::string> paths) {
  std::vector<detect::NamedImage> images;
  for (const auto& path : paths) images.push_back({fs::path(path).filename().string(), media::read_image(path)});
  return images;
}

bool same_folder(const fs::path& a, const fs::path& b) {
  return fs::weakly_canonical(a).parent_path() == fs::weakly_canonical(b).parent_path();
}

int record(const Invocation& call, const fs::path& model) {
  const auto found = call.options.find("output");
  const fs::path target = found != call.options.end() ? fs::path(found->second) : model;
  if (!runtime::inspect_model(model).external_files.empty() && !same_folder(target, model)) {
    throw Error(ErrorCode::kUsage, "the model's weights are in files of their own, which must stay beside it", "--output",
                "Name a file in the same folder, or make one file of it first: goshawk convert MODEL --to fp32");
  }
  const auto images = read_images(std::span(call.arguments).subspan(1));
  std::optional<LeaveOnStop> running(call.stop);
  const auto recording =
      detect::record_conformance(model, images, session_options(call.config),
                                 {call.config.path_if_set("detect.recipe"), call.config.path_if_set("detect.names")});
  running.reset();
  detect::write_conformance(model, target, recording);
  if (call.json) {
    nlohmann::json vectors = nlohmann::json::array();
    for (const auto& vector : recording.vectors) {
      vectors.push_back({{"name", vector.name}, {"detections", vector.detections.size()}});
    }
    fmt::print("{}\n",
               json_text(nlohmann::json{{"model", model.string()}, {"written", target.string()}, {"vectors", vectors}}));
    return 0;
  }
  Table table({"vector", "size", "detections"});
  for (const auto& vector : recording.vectors) {
    table.add_row(
        {vector.name, fmt::format("{}x{}", vector.image.cols, vector.image.rows), std::to_string(vector.detections.size())});
  }
  fmt::print("{}\nrecorded in {}\n", shown(table), target.string());
  return 0;
}

int replay(const Invocation& call, const fs::path& model) {
  const LeaveOnStop running(call.stop);
  const auto report = detect::verify_conformance(model, session_options(call.config));
  if (call.json) {
    fmt::print("{}\n", detect::to_json(report).dump(2));
  } else {
    Table table({"vector", "result", "expected", "matched", "box error px", "score error", "output error", "why"});
    for (const auto& result : report.results) {
      table.add_row({result.name, result.passed ? "passed" : "FAILED", std::to_string(result.expected),
                     std::to_string(result.matched), fmt::format("{:.3f}", result.box_error),
                     fmt::format("{:.5f}", result.score_error), fmt::format("{:.5f}", result.output_error), result.why()});
    }
    fmt::print("{}\n{} on {} ({})\n", shown(table), report.passed() ? "passed" : "FAILED", runtime::to_string(report.device),
               runtime::to_string(report.precision));
  }
  return report.passed() ? 0 : exit_code(ErrorCode::kBadData);
}

int run_verify(const Invocation& call) {
  const fs::path model = resolve_model(call.argument(0)).path;
  if (call.has("record")) return record(call, model);
  if (call.has("output")) throw Error(ErrorCode::kUsage, "goes with --record only", "--output");
  refuse_settings(call, {"detect.recipe", "detect.names"}, "goes with --record only", "A recorded model knows its recipe.");
  if (call.arguments.size() > 1) {
    throw Error(ErrorCode::kUsage, "images are taken with --record only", call.argument(1));
  }
  return replay(call, model);
}

}  // namespace

Command verify_command() {
  Command command;
  command.name = "verify";
  command.group = Group::kModels;
  command.summary = "Check that a model still gives its recorded answers";
  command.details =
      "Replays the conformance vectors that the model's metadata holds, on the device and in the precision asked for, and "
      "compares detections and outputs within their tolerance. With --record, runs the model in FP32 on the images given "
      "(or on two synthetic pictures) and stores what it finds, with the recipe, in the model's metadata.";
  command.positionals = {{.name = "MODEL", .help = "model file or name"},
                         {.name = "IMAGE", .help = "pictures to record", .required = false, .many = true}};
  command.settings = session_settings({"detect.recipe", "detect.names"});
  command.options = {{"record", "", "Store vectors instead of replaying them"},
                     {"output", "FILE", "Write the recorded model here; else in place"}};
  command.json = true;
  command.examples = {"goshawk verify yolov8n.onnx --record street.jpg", "goshawk verify yolov8n.onnx --device openvino"};
  command.run = run_verify;
  return command;
}

}  // namespace goshawk::cli
