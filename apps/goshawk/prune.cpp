// goshawk prune: fewer channels.

#include "apps/goshawk/prune.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "apps/goshawk/data_set.h"
#include "apps/goshawk/detect_on_set.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/options.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/optimize/artefact.h"
#include "goshawk/optimize/pictures.h"
#include "goshawk/optimize/precision.h"
#include "goshawk/optimize/refit.h"
#include "goshawk/runtime/model_file.h"

namespace goshawk::cli {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

optimize::PruneOptions prune_options(const Invocation& call) {
  optimize::PruneOptions options;
  options.target = number_option(call, "keep", 0.05, 0.99).value_or(0.5);
  options.least_kept = number_option(call, "least", 0.01, 1).value_or(options.least_kept);
  options.global = !call.has("by-layer");
  options.multiple = static_cast<int>(integer_option(call, "multiple", 1, 64).value_or(options.multiple));
  if (call.has("data")) options.saliency = optimize::Saliency::kActivation;
  if (call.has("by")) options.saliency = optimize::parse_saliency(call.options.at("by"));
  for (const auto& layer : list_option(call, "whole")) options.whole.insert(layer);
  if (options.saliency == optimize::Saliency::kActivation && !call.has("data")) {
    throw Error(ErrorCode::kUsage, "--by activation needs pictures", "--data");
  }
  return options;
}

optimize::Pruned remove_channels(const Invocation& call, const optimize::Prepared& prepared,
                                 const optimize::PruneOptions& options, const std::optional<optimize::Material>& material,
                                 StepBars& bars) {
  std::optional<optimize::Pictures> pictures;
  if (material) pictures.emplace(prepared.model, prepared.recipe, material->calibration, call.stop);
  std::optional<optimize::ChannelCovariances> covariances;
  if (options.saliency == optimize::Saliency::kActivation) {
    covariances = optimize::covariances_of(prepared.model, *pictures,
                                           [&](auto done, auto total) { bars("looking at channels", done, total); });
  }
  auto done = optimize::prune(prepared.model, covariances ? &*covariances : nullptr, options);
  if (pictures) {
    optimize::refit(done, prepared.model, *pictures, [&](auto step, auto total) { bars("refitting layers", step, total); });
  }
  done.model = optimize::stored_as(std::move(done.model), prepared.stored);
  return done;
}

namespace {

/// AP before and after, not fine-tuned; -1 each where there are no labels.
struct Loss {
  optimize::Accuracy before, after;
};

Loss measure_loss(const Invocation& call, const optimize::Prepared& prepared, const onnx::Model& pruned,
                  const std::optional<optimize::Material>& material, StepBars& bars) {
  if (!material || !material->evaluation) return {};
  optimize::Judge judge(*material->evaluation, material->renamed);
  const auto judged = [&](const fs::path& file, const char* what) {
    return judge.accuracy(file, judged_options(call), call.stop, [&](auto i, auto n) { bars(what, i, n); });
  };
  const optimize::ScratchModel file(pruned, prepared.recipe);
  return {judged(prepared.path, "judging the original"), judged(file.path(), "judging the pruned model")};
}

ordered_json describe(const optimize::Pruned& done, const Loss& loss) {
  ordered_json about{{"step", "prune"},
                     {"multiply_adds_before", done.before},
                     {"multiply_adds_after", done.after},
                     {"weights_before", done.weights_before},
                     {"weights_after", done.weights_after},
                     {"refitted", done.refitted}};
  if (loss.before.ap >= 0) {
    about["AP_before"] = loss.before.ap;
    about["AP_after"] = loss.after.ap;
  }
  return about;
}

void print_table(const optimize::Pruned& done, const Loss& loss, const fs::path& model, const fs::path& target) {
  Table table({"", "before", "after", "share"});
  const auto row = [&](const std::string& what, double a, double b, double unit, const std::string& name) {
    table.add_row({what, fmt::format("{:.2f} {}", a / unit, name), fmt::format("{:.2f} {}", b / unit, name),
                   fmt::format("{:.0f} %", 100 * b / a)});
  };
  table.add_row({"multiplications", multiplications(done.before), multiplications(done.after),
                 fmt::format("{:.0f} %", 100 * done.after / done.before)});
  row("weights", static_cast<double>(done.weights_before), static_cast<double>(done.weights_after), 1e6, "M");
  row("file", static_cast<double>(runtime::model_bytes(model)), static_cast<double>(runtime::model_bytes(target)), 1e6,
      "MB");
  if (loss.before.ap >= 0) table.add_row({"AP50-95, not fine-tuned", points(loss.before.ap), points(loss.after.ap), ""});
  fmt::print("{}\n{} layers lost channels, {} were refitted\n{}\n", shown(table), done.layers.size(), done.refitted,
             target.string());
}

int run_prune(const Invocation& call) {
  if (call.has("fine-tune")) return run_prune_in_steps(call);
  refuse_flags(call, {"steps", "max-drop", "time", "resume"}, "it goes with --fine-tune EPOCHS",
               "Without training on, what is pruned is pruned once.");
  for (const auto& setting : schema()) {
    const bool of_training = setting.key.starts_with("train.") || setting.key.starts_with("output.");
    if (of_training)
      refuse_settings(call, {setting.key.c_str()}, "it goes with --fine-tune EPOCHS", "Nothing is trained on.");
  }
  if (!call.has("data")) refuse_flags(call, {"from", "map", "images"}, "it goes with --data", "There are no pictures.");
  const fs::path model = resolve_model(call.argument(0)).path;
  const auto target = target_of(call, model, "pruned");
  const auto options = prune_options(call);
  StepBars bars(call);
  const auto device = judged_options(call);
  const auto prepared = optimize::prepare_model(model, device);
  optimize::check_whole(prepared.model, options.whole);
  std::optional<optimize::Material> material;
  if (call.has("data")) material = read_material(call, 64, 0);
  const auto done = remove_channels(call, prepared, options, material, bars);
  if (done.after > done.before * options.target * 1.02) {
    spdlog::warn("{:.0f} % of the multiplications remain: no more channels may go with these limits",
                 100 * done.after / done.before);
  }
  const auto loss = measure_loss(call, prepared, done.model, material, bars);
  bars.finish();
  optimize::ArtefactOptions artefact;
  artefact.session = device.session;
  artefact.step = describe(done, loss);
  artefact.step["by"] = optimize::to_string(options.saliency);
  leave_if_stopped(call);
  optimize::write_artefact(done.model, prepared.recipe, model, target, artefact);
  if (!call.json) {
    print_table(done, loss, model, target);
    return 0;
  }
  ordered_json result = describe(done, loss);
  result["model"] = model.string();
  result["written"] = target.string();
  for (const auto& layer : done.layers)
    result["layers"].push_back({{"layer", layer.label}, {"before", layer.before}, {"after", layer.kept.size()}});
  fmt::print("{}\n", json_text(result));
  return 0;
}

}  // namespace

Command prune_command() {
  Command command;
  command.name = "prune";
  command.group = Group::kModels;
  command.summary = "Remove whole channels from a model";
  command.details =
      "The channels that matter least go, with all that depends on them, until the share of multiplications asked for "
      "remains. With --data, those go whose work the others can do, and the weights of the others are refitted on its "
      "pictures until they do it; with labels, it is told what was lost. Without, the pruned model finds next to nothing "
      "until it is fine-tuned. With --fine-tune, a model that goshawk trained is pruned in --steps steps and trained "
      "on after each, with the model itself as the teacher, for as long as it loses no more than --max-drop on the val "
      "split; runs/prune/NAME/ holds each step's model, steps.json and a plot, and --output gets the last step within the "
      "drop.";
  command.positionals = {{.name = "MODEL", .help = "model file or name"}};
  command.settings = session_settings({"detect.recipe", "detect.names", "detect.classes", "output.project", "output.name",
                                       "train.batch", "train.workers", "train.seed", "train.teacher",
                                       "train.teacher_classes", "train.distill", "train.temperature"});
  command.options = {
      {"keep", "SHARE", "of the multiplications that remains, 0.05 to 0.99; else 0.5"},
      {"by", "SALIENCY", "magnitude, or activation on --data; else what there is", {"magnitude", "activation"}},
      {"by-layer", "", "each layer loses the same share; else channels compete across layers"},
      {"least", "SHARE", "of a layer's channels that stays in any case; else 0.25"},
      {"multiple", "N", "channel counts that remain are multiples of it; else 16"},
      {"whole", "LAYER,...", "convolutions that lose nothing"},
      {"data", "DATASET", "pictures to choose and refit on; with labels, AP is measured"},
      from_flag(),
      map_flag(),
      {"images", "N", "pictures to look at; else 64"},
      {"fine-tune", "EPOCHS", "that each step is trained on with --data's train split"},
      {"steps", "N", "in which --keep is reached; else 1"},
      {"max-drop", "POINTS", "of AP50-95 (of 100) that a step may lose; else 2.0"},
      {"time", "SECONDS", "that the original and each step are timed; else 2"},
      {"resume", "RUN", "folder of interrupted steps, which go on"},
      {"output", "FILE", "the pruned model; else MODEL-pruned.onnx here"}};
  command.json = true;
  command.examples = {"goshawk prune yolov8n.onnx --keep 0.7", "goshawk prune yolov8n.onnx --keep 0.5 --data data.yaml",
                      "goshawk prune best.onnx --data data.yaml --keep 0.5 --steps 3 --fine-tune 20 --max-drop 2",
                      "goshawk prune best.onnx --data data.yaml --steps 3 --fine-tune 20 --resume runs/prune/best"};
  command.run = run_prune;
  return command;
}

}  // namespace goshawk::cli
