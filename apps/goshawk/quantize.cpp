// goshawk quantize: an INT8 model from a float one and pictures.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "apps/goshawk/data_set.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/optimize_commands.h"
#include "apps/goshawk/options.h"
#include "goshawk/core/text.h"
#include "goshawk/optimize/artefact.h"
#include "goshawk/optimize/dynamic.h"
#include "goshawk/optimize/int8.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

ordered_json describe(const optimize::Int8Trial& trial) {
  ordered_json own = ordered_json::object();
  for (const auto& [layer, method] : trial.options.methods_of_layers) own[layer] = optimize::to_string(method);
  ordered_json entry{{"calibration", optimize::to_string(trial.options.method)},
                     {"placement", optimize::to_string(trial.options.placement)},
                     {"float_layers", trial.options.float_layers},
                     {"own_calibration", own},
                     {"output_error", trial.output_error}};
  if (trial.accuracy.ap >= 0) entry["AP"] = trial.accuracy.ap, entry["AP50"] = trial.accuracy.ap50;
  return entry;
}

optimize::Placement placement_of(const Invocation& call, const runtime::Device& runs_on) {
  const auto given = call.options.find("placement");
  if (given == call.options.end()) {
    return runs_on.kind == runtime::DeviceKind::kCpu ? optimize::Placement::kEveryNode : optimize::Placement::kFused;
  }
  for (const auto placement : {optimize::Placement::kFused, optimize::Placement::kEveryNode}) {
    if (optimize::to_string(placement) == given->second) return placement;
  }
  throw Error(ErrorCode::kUsage, "'" + given->second + "' is no placement", "--placement", "It is fused or every-node.");
}

void print_table(const optimize::Int8Outcome& outcome, const fs::path& model, const fs::path& target) {
  const bool judged = outcome.original.ap >= 0;
  Table table({"calibration", "layers in float", "AP50-95", "AP50", "drop", "output error"});
  if (judged) table.add_row({"(float model)", "", points(outcome.original.ap), points(outcome.original.ap50), "", ""});
  for (const auto& trial : outcome.trials) {
    const std::string refined = trial.options.methods_of_layers.empty() ? "" : ", refined";
    table.add_row({std::string(optimize::to_string(trial.options.method)) + refined,
                   std::to_string(trial.options.float_layers.size()), points(trial.accuracy.ap), points(trial.accuracy.ap50),
                   judged ? fmt::format("{:.2f}", 100 * (outcome.original.ap - trial.accuracy.ap)) : "-",
                   fmt::format("{:.4f}", trial.output_error)});
  }
  fmt::print("{}\n{} of {} layers in INT8, {} -> {}\n{}\n", table.str(), outcome.best.layers.size(),
             outcome.best.layers.size() + outcome.best.in_float.size(), megabytes(fs::file_size(model)),
             megabytes(fs::file_size(target)), target.string());
}

/// For models of matrix products: weights in eight bits, activations measured as the model runs.
int run_dynamic(const Invocation& call, const fs::path& model) {
  const auto target = target_of(call, model, "int8");
  auto read = onnx::read_model(model);
  const auto done = optimize::quantize_dynamic(read, model.string());
  optimize::write_unrecorded(done.model, model, target,
                             {{"step", "quantize"}, {"dynamic", true}, {"layers", done.layers.size()}});
  if (call.json) {
    fmt::print(
        "{}\n",
        ordered_json{{"model", target.string()}, {"layers", done.layers.size()}, {"output_error", done.output_error}}.dump(
            2));
  } else {
    fmt::print("{} matrix products in INT8, {} -> {}\noutput error on random inputs {:.4f}\n{}\n", done.layers.size(),
               megabytes(fs::file_size(model)), megabytes(fs::file_size(target)), done.output_error, target.string());
  }
  return 0;
}

int run_quantize(const Invocation& call) {
  const fs::path model = resolve_model(call.argument(0)).path;
  if (call.has("dynamic")) return run_dynamic(call, model);
  const auto target = target_of(call, model, "int8");
  auto device = detector_options(call.config);
  // What BF16 rounds comes and goes by a point of AP on small sets, and would be counted as INT8's gain or loss.
  if (device.session.precision == runtime::Precision::kAuto) device.session.precision = runtime::Precision::kFp32;
  StepBars bars(call);

  optimize::Int8Options options;
  options.max_drop = number_option(call, "max-drop", 0, 100).value_or(1.0);
  options.good_drop = std::min(options.good_drop, options.max_drop);
  options.stop = call.stop;
  options.progress = [&](const std::string& doing, std::int64_t done, std::int64_t total) { bars(doing, done, total); };
  if (const auto method = call.options.find("calibrate"); method != call.options.end() && method->second != "auto") {
    options.methods = {optimize::parse_range_method(method->second)};
  }
  for (const auto& layer : list_option(call, "float")) options.float_layers.insert(layer);
  const auto material = read_material(call, 64, 0);
  const auto prepared = optimize::prepare_model(model, device);
  const auto layers = optimize::quantizable_layers(prepared.model);
  for (const auto& layer : options.float_layers) {
    if (std::find(layers.begin(), layers.end(), layer) == layers.end()) {
      throw Error(ErrorCode::kUsage,
                  "the model has no layer '" + layer + "' that could be quantized" + did_you_mean(layer, layers), "--float");
    }
  }
  if (!optimize::has_convolutions(prepared.model)) {
    throw Error(ErrorCode::kBadConfig, "the model has no convolution to quantize statically", model.string(),
                "For models made of matrix products there is --dynamic.");
  }
  options.placement = placement_of(call, prepared.runs_on);

  optimize::CalibrateOptions calibrating;
  calibrating.stop = call.stop;
  calibrating.progress = [&](std::int64_t done, std::int64_t total) { bars("calibrating", done, total); };
  const auto calibration =
      optimize::calibrate(prepared.model, prepared.recipe, material.calibration,
                          optimize::values_to_calibrate(prepared.model, *options.placement), calibrating);
  std::optional<optimize::Judge> judge;
  if (material.evaluation) judge.emplace(*material.evaluation);
  auto outcome =
      optimize::search_int8(prepared, calibration, material.calibration, judge ? &*judge : nullptr, device, options);
  bars.finish();
  for (const auto& line : calibration.left_out) spdlog::warn("left out: {}", line);
  if (!judge) spdlog::warn("there are no labels: the accuracy was not measured, only how far the outputs moved");

  const bool passes = !judge || outcome.drop() <= options.max_drop;
  ordered_json result{
      {"model", target.string()}, {"chosen", describe(outcome.trial)}, {"calibration_images", calibration.images}};
  if (judge) {
    result["original_AP"] = outcome.original.ap;
    result["drop"] = outcome.drop();
    result["evaluation_images"] = judge->truth().images.size();
  }
  result["layers"] = outcome.best.layers.size();
  result["layers_in_float"] = outcome.best.in_float;
  for (const auto& trial : outcome.trials) result["trials"].push_back(describe(trial));
  for (const auto& [layer, cost] : outcome.ranking) result["ranking"].push_back({{"layer", layer}, {"output_error", cost}});
  if (!passes) {
    if (call.json) fmt::print("{}\n", result.dump(2));
    throw Error(ErrorCode::kBadData,
                fmt::format("the best INT8 model loses {:.2f} points of AP50-95, {:.2f} are allowed", outcome.drop(),
                            options.max_drop),
                model.string(),
                "Nothing was written. Allow more with --max-drop, or calibrate with more pictures of the same kind.");
  }
  optimize::ArtefactOptions artefact;
  artefact.session = device.session;
  artefact.arithmetic = optimize::Arithmetic::kInt8;
  artefact.step = result;
  artefact.step.erase("model");
  artefact.step.erase("trials");
  artefact.step.erase("ranking");
  artefact.step["step"] = "quantize";
  optimize::write_artefact(std::move(outcome.best.model), prepared.recipe, model, target, artefact);
  if (call.json) fmt::print("{}\n", result.dump(2));
  else print_table(outcome, model, target);
  return 0;
}

}  // namespace

Command quantize_command() {
  Command command;
  command.name = "quantize";
  command.group = Group::kModels;
  command.summary = "Make an INT8 model from a float one";
  command.details =
      "Calibrates on pictures of a labelled data set (its train split, else half of it), judges AP on the others, and keeps "
      "the "
      "calibration method that loses least; layers that cost most stay in float until the drop fits. A folder of pictures "
      "without "
      "labels works too: then only the outputs are compared. The model that is written carries its recipe and conformance "
      "vectors.";
  command.positionals = {{.name = "MODEL", .help = "model file or name"}};
  command.settings = {"runtime", "detect.recipe", "detect.names"};
  command.options = {{"data", "DATASET", "data.yaml, instances.json, folder or archive; or a folder of pictures"},
                     {"from", "FORMAT", "format of the data set; else recognised"},
                     {"output", "FILE", "the INT8 model; else MODEL-int8.onnx here"},
                     {"calibrate", "METHOD", "minmax, percentile, entropy or mse; else the best of them (auto)"},
                     {"images", "N", "pictures to calibrate with, 0 for all; else 64"},
                     {"eval-images", "N", "pictures to judge on; else all that were not calibrated with"},
                     {"max-drop", "POINTS", "of AP50-95 (of 100) that may be lost; else 1.0"},
                     {"placement", "WHERE", "fused (OpenVINO, TensorRT) or every-node (CPU provider); else by --device"},
                     {"float", "LAYER,...", "nodes that stay in float"},
                     {"dynamic", "", "for models of matrix products: no pictures, activations measured as it runs"}};
  command.json = true;
  command.examples = {"goshawk quantize yolov8n.onnx --data coco128/data.yaml",
                      "goshawk quantize yolov8n.onnx --data frames/ --calibrate mse --output small.onnx",
                      "goshawk quantize yolov8n.onnx --data data.yaml --device cpu --max-drop 0.5"};
  command.run = run_quantize;
  return command;
}

}  // namespace goshawk::cli
