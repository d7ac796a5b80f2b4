#include "apps/goshawk/int8_form.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <optional>

#include "apps/goshawk/data_set.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/options.h"
#include "goshawk/core/error.h"
#include "goshawk/optimize/artefact.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

optimize::Int8Options int8_options(const Invocation& call, StepBars& bars) {
  optimize::Int8Options options;
  options.max_drop = number_option(call, "max-drop", 0, 100).value_or(options.max_drop);
  options.stop = call.stop;
  options.progress = [&](const std::string& doing, std::int64_t done, std::int64_t total) { bars(doing, done, total); };
  if (const auto method = call.options.find("calibrate"); method != call.options.end() && method->second != "auto") {
    options.methods = {optimize::parse_range_method(method->second)};
  }
  if (call.has("placement")) options.placement = optimize::parse_placement(call.options.at("placement"));
  if (call.has("activations")) options.activations = optimize::parse_activations(call.options.at("activations"));
  options.narrow_weights = narrow_weights(call);
  for (const auto& layer : list_option(call, "float")) options.float_layers.insert(layer);
  return options;
}

}  // namespace

std::optional<bool> narrow_weights(const Invocation& call) {
  if (!call.has("weights")) return std::nullopt;
  const std::string& bits = call.options.at("weights");
  if (bits != "7" && bits != "8") {
    throw Error(ErrorCode::kUsage, "weights have 7 or 8 bits, not '" + bits + "'", "--weights",
                "7 for CPUs without VNNI, 8 for all others.");
  }
  return bits == "7";
}

Int8Form find_int8(const Invocation& call, const fs::path& model, const optimize::Material& material, StepBars& bars) {
  Int8Form form;
  const auto options = int8_options(call, bars);
  form.max_drop = options.max_drop;
  form.device = judged_options(call);
  // What BF16 rounds comes and goes by a point of AP on small sets, and would be counted as INT8's gain or loss.
  auto& precision = form.device.session.precision;
  if (precision == runtime::Precision::kAuto) precision = runtime::Precision::kFp32;
  form.prepared = optimize::prepare_model(model, form.device);
  optimize::bring_to_13(form.prepared, "INT8");
  std::optional<optimize::Judge> judge;
  if (material.evaluation) judge.emplace(*material.evaluation, material.renamed);
  form.evaluation_images = judge ? judge->truth().images.size() : 0;
  form.outcome =
      optimize::Int8Maker(form.prepared, material.calibration, judge ? &*judge : nullptr).make(form.device, options);
  bars.finish();
  if (form.outcome.trial.options.narrow_weights && !options.narrow_weights)
    spdlog::info("weights have 7 bits: this CPU has no VNNI, its sums of products would saturate (--weights)");
  for (const auto& line : form.outcome.left_out) spdlog::warn("left out: {}", line);
  return form;
}

ordered_json describe(const Int8Form& form) {
  const auto& outcome = form.outcome;
  ordered_json about{{"step", "quantize"},
                     {"chosen", optimize::to_json(outcome.trial)},
                     {"calibration_images", outcome.calibration_images}};
  if (form.evaluation_images > 0) {
    about["original_AP"] = outcome.original.ap;
    about["drop"] = outcome.drop();
    about["evaluation_images"] = form.evaluation_images;
  }
  about["layers"] = outcome.best.layers.size();
  about["layers_in_float"] = outcome.best.in_float;
  return about;
}

void write_int8(const Int8Form& form, const fs::path& target, const std::string& hint) {
  if (!form.passes()) {
    throw Error(ErrorCode::kBadData,
                fmt::format("the best INT8 model loses {:.2f} points of AP50-95, {:.2f} are allowed", form.outcome.drop(),
                            form.max_drop),
                form.prepared.path.string(), hint);
  }
  optimize::ArtefactOptions artefact;
  artefact.session = form.device.session;
  artefact.arithmetic = optimize::Arithmetic::kInt8;
  artefact.step = describe(form);
  optimize::write_artefact(form.outcome.best.model, form.prepared.recipe, form.prepared.path, target, artefact);
}

}  // namespace goshawk::cli
