#include "apps/goshawk/package_forms.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>

#include "apps/goshawk/data_set.h"
#include "apps/goshawk/options.h"
#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/optimize/artefact.h"
#include "goshawk/optimize/int8.h"
#include "goshawk/optimize/precision.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

/// The search for INT8 with this command's gate, for the device that runs the model.
optimize::Int8Outcome find_int8(const Invocation& call, const optimize::Prepared& prepared,
                                const optimize::Material& material, const detect::DetectorOptions& device, StepBars& bars) {
  optimize::Int8Options options;
  options.max_drop = number_option(call, "max-drop", 0, 100).value_or(options.max_drop);
  options.good_drop = std::min(options.good_drop, options.max_drop);
  options.placement =
      prepared.runs_on.kind == runtime::DeviceKind::kCpu ? optimize::Placement::kEveryNode : optimize::Placement::kFused;
  options.stop = call.stop;
  options.progress = [&](const std::string& doing, std::int64_t done, std::int64_t total) { bars(doing, done, total); };
  optimize::CalibrateOptions calibrating;
  calibrating.stop = call.stop;
  calibrating.progress = [&](std::int64_t done, std::int64_t total) { bars("calibrating", done, total); };
  const auto calibration =
      optimize::calibrate(prepared.model, prepared.recipe, material.calibration,
                          optimize::values_to_calibrate(prepared.model, *options.placement), calibrating);
  for (const auto& line : calibration.left_out) spdlog::warn("left out: {}", line);
  std::optional<optimize::Judge> judge;
  if (material.evaluation) judge.emplace(*material.evaluation);
  auto outcome =
      optimize::search_int8(prepared, calibration, material.calibration, judge ? &*judge : nullptr, device, options);
  bars.finish();
  if (judge && outcome.drop() > options.max_drop) {
    throw Error(ErrorCode::kBadData,
                fmt::format("the best INT8 model loses {:.2f} points of AP50-95, {:.2f} are allowed", outcome.drop(),
                            options.max_drop),
                prepared.path.string(), "Nothing was packed. Allow more with --max-drop, or leave int8 out of --also.");
  }
  return outcome;
}

}  // namespace

std::vector<std::string> asked_forms(const Invocation& call) {
  const std::vector<std::string> known{"fp16", "int8"};
  const auto words = list_option(call, "also");
  for (const auto& word : words) {
    if (std::find(known.begin(), known.end(), word) == known.end()) {
      throw Error(ErrorCode::kUsage, "'" + word + "' is no form of a model" + did_you_mean(word, known), "--also",
                  "It is fp16, int8 or both.");
    }
  }
  const auto asked = [&](const std::string& form) { return std::find(words.begin(), words.end(), form) != words.end(); };
  if (asked("int8") && !call.has("data")) {
    throw Error(ErrorCode::kUsage, "int8 needs pictures to calibrate with", "--also", "Give a data set with --data.");
  }
  if (!asked("int8") && call.has("max-drop")) throw Error(ErrorCode::kUsage, "goes with --also int8", "--max-drop");
  std::vector<std::string> forms;
  std::copy_if(known.begin(), known.end(), std::back_inserter(forms), asked);
  return forms;
}

ordered_json make_fp16(const Invocation& call, const fs::path& model, const fs::path& target, StepBars& bars) {
  const auto device = detector_options(call.config);
  bars("halving " + model.stem().string(), 0, 1);
  const auto prepared = optimize::prepare_model(model, device, false);
  auto halved = optimize::to_fp16(prepared.model);
  optimize::ArtefactOptions artefact;
  artefact.session = device.session;
  artefact.arithmetic = optimize::Arithmetic::kReduced;
  artefact.step = {{"step", "convert"}, {"to", "fp16"}, {"in_float", halved.in_float}};
  optimize::write_artefact(std::move(halved.model), prepared.recipe, model, target, artefact);
  bars.finish();
  return artefact.step;
}

ordered_json make_int8(const Invocation& call, const fs::path& model, const fs::path& target,
                       const optimize::Material& material, StepBars& bars) {
  auto device = detector_options(call.config);
  // As `goshawk quantize` does: what BF16 rounds would be counted as INT8's gain or loss.
  if (device.session.precision == runtime::Precision::kAuto) device.session.precision = runtime::Precision::kFp32;
  const auto prepared = optimize::prepare_model(model, device);
  if (!optimize::has_convolutions(prepared.model)) {
    throw Error(ErrorCode::kBadConfig, "the model has no convolution to quantize", model.string(),
                "Leave int8 out of --also, and package what `goshawk quantize --dynamic` makes of it.");
  }
  auto outcome = find_int8(call, prepared, material, device, bars);
  optimize::ArtefactOptions artefact;
  artefact.session = device.session;
  artefact.arithmetic = optimize::Arithmetic::kInt8;
  artefact.step = {{"step", "quantize"},
                   {"calibration", optimize::to_string(outcome.trial.options.method)},
                   {"placement", optimize::to_string(outcome.trial.options.placement)},
                   {"calibration_images", material.calibration.size()},
                   {"layers", outcome.best.layers.size()},
                   {"layers_in_float", outcome.best.in_float}};
  if (material.evaluation) {
    artefact.step["evaluation_images"] = material.evaluation->images.size();
    artefact.step["drop"] = outcome.drop();
  }
  optimize::write_artefact(std::move(outcome.best.model), prepared.recipe, model, target, artefact);
  return artefact.step;
}

}  // namespace goshawk::cli
