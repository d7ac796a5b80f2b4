// goshawk quantize: an INT8 model from a float one and pictures.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "apps/goshawk/data_set.h"
#include "apps/goshawk/detect_on_set.h"
#include "apps/goshawk/int8_form.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/optimize_commands.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/options.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/optimize/artefact.h"
#include "goshawk/optimize/dynamic.h"
#include "goshawk/optimize/saturation.h"
#include "goshawk/runtime/model_file.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

void print_table(const optimize::Int8Outcome& outcome, const fs::path& model, const fs::path& target) {
  const bool judged = outcome.original.ap >= 0;
  Table table({"calibration", "activations", "layers in float", "AP50-95", "AP50", "drop", "output error"});
  if (judged) table.add_row({"(float model)", "", "", points(outcome.original.ap), points(outcome.original.ap50), "", ""});
  for (const auto& trial : outcome.trials) {
    const std::string refined = trial.options.methods_of_layers.empty() ? "" : ", refined";
    table.add_row({std::string(optimize::to_string(trial.options.method)) + refined,
                   std::string(optimize::to_string(trial.options.activations)),
                   std::to_string(trial.options.float_layers.size()), points(trial.accuracy.ap), points(trial.accuracy.ap50),
                   judged ? fmt::format("{:.2f}", 100 * (outcome.original.ap - trial.accuracy.ap)) : "-",
                   fmt::format("{:.4f}", trial.output_error)});
  }
  fmt::print("{}\n{} of {} layers in INT8{}, {} -> {}\n{}\n", shown(table), outcome.best.layers.size(),
             outcome.best.layers.size() + outcome.best.in_float.size(),
             outcome.trial.options.narrow_weights ? " (weights in 7 bits)" : "", megabytes(runtime::model_bytes(model)),
             megabytes(runtime::model_bytes(target)), target.string());
}

/// What is needed to record answers; nullopt for a model that is no detector.
std::optional<Recipe> detector_recipe(const Invocation& call, const fs::path& model, const onnx::Model& read) {
  try {
    return detect::Detector::load(model, judged_options(call))->recipe();
  } catch (const Error& error) {
    const bool is_said = call.config.is_set("detect.recipe") || call.config.is_set("detect.names");
    if (is_said || read.metadata.contains(detect::kRecipeKey) || error.code() == ErrorCode::kInterrupted) throw;
    return std::nullopt;
  }
}

/// For models of matrix products: weights in eight bits, activations measured as the model runs.
int run_dynamic(const Invocation& call, const fs::path& model) {
  refuse_flags(
      call, {"data", "from", "map", "calibrate", "images", "eval-images", "max-drop", "placement", "activations", "float"},
      "it does nothing with --dynamic", "Dynamic quantization looks at no pictures, and judges nothing.");
  refuse_settings(call, {"detect.classes", "runtime.precision"}, "it does nothing with --dynamic", "Nothing is judged.");
  const auto target = target_of(call, model, "int8");
  const auto read = onnx::read_model(model);
  const bool narrow = narrow_weights(call).value_or(
      optimize::needs_narrow_weights(runtime::parse_device(call.config.text("runtime.device")).kind));
  const auto done = optimize::quantize_dynamic(read, model.string(), narrow);
  const ordered_json step{
      {"step", "quantize"}, {"dynamic", true}, {"weights_bits", narrow ? 7 : 8}, {"layers", done.layers.size()}};
  if (const auto recipe = detector_recipe(call, model, read)) {
    optimize::write_artefact(done.model, *recipe, model, target,
                             {session_options(call.config), optimize::Arithmetic::kInt8, step});
  } else {
    optimize::write_unrecorded(done.model, model, target, step);
  }
  if (call.json) {
    const ordered_json result{{"model", model.string()},
                              {"written", target.string()},
                              {"layers", done.layers.size()},
                              {"weights_bits", narrow ? 7 : 8},
                              {"output_error", done.output_error}};
    fmt::print("{}\n", json_text(result));
  } else {
    fmt::print("{} matrix products in INT8{}, {} -> {}\noutput error on random inputs {}\n{}\n", done.layers.size(),
               narrow ? " (weights in 7 bits)" : "", megabytes(runtime::model_bytes(model)),
               megabytes(runtime::model_bytes(target)),
               done.output_error < 0 ? "not known: none fit the model" : fmt::format("{:.4f}", done.output_error),
               target.string());
  }
  return 0;
}

int run_quantize(const Invocation& call) {
  const fs::path model = resolve_model(call.argument(0)).path;
  if (call.has("dynamic")) return run_dynamic(call, model);
  const auto target = target_of(call, model, "int8");
  const auto material = read_material(call, 64, 0);
  StepBars bars(call);
  const auto form = find_int8(call, model, material, bars);
  if (!material.evaluation) {
    spdlog::warn("there are no labels: the accuracy was not measured, only how far the outputs moved");
  }
  ordered_json result = describe(form);
  result["model"] = model.string();
  if (form.passes()) result["written"] = target.string();
  for (const auto& trial : form.outcome.trials) result["trials"].push_back(optimize::to_json(trial));
  for (const auto& [layer, cost] : form.outcome.ranking) {
    result["ranking"].push_back({{"layer", layer}, {"output_error", cost}});
  }
  const auto text = json_text(result);
  if (call.json && !form.passes()) fmt::print("{}\n", text);  // the figures are told, and nothing is written
  write_int8(form, target,
             "Nothing was written. Allow more with --max-drop, or calibrate with more pictures of the same kind.");
  if (call.json) fmt::print("{}\n", text);
  else print_table(form.outcome, model, target);
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
  command.settings = session_settings({"detect.recipe", "detect.names", "detect.classes"});
  command.options = {{"data", "DATASET", "data.yaml, instances.json, folder or archive; or a folder of pictures"},
                     from_flag(),
                     map_flag(),
                     {"output", "FILE", "the INT8 model; else MODEL-int8.onnx here"},
                     {"calibrate",
                      "METHOD",
                      "minmax, percentile, entropy or mse; else the best of them (auto)",
                      {"minmax", "percentile", "entropy", "mse", "auto"}},
                     {"images", "N", "pictures to calibrate with, 0 for all; else 64"},
                     {"eval-images", "N", "pictures of val (else test, else the other half) to judge on; else all"},
                     {"max-drop", "POINTS", "of AP50-95 (of 100) that may be lost; else 1.0"},
                     {"placement",
                      "WHERE",
                      "fused (OpenVINO, TensorRT) or every-node (CPU provider); else by --device",
                      {"fused", "every-node"}},
                     {"activations",
                      "KIND",
                      "symmetric, asymmetric or signed; else by --device and what is lost",
                      {"symmetric", "asymmetric", "signed"}},
                     {"weights", "BITS", "7 or 8; else 7 where this CPU lacks VNNI and would saturate"},
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
