#include "apps/goshawk/package_forms.h"

#include <algorithm>

#include "apps/goshawk/data_set.h"
#include "apps/goshawk/int8_form.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/options.h"
#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/optimize/artefact.h"
#include "goshawk/optimize/precision.h"

namespace goshawk::cli {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

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
  const auto prepared = optimize::prepare_model(model, device);
  auto halved = optimize::to_fp16(prepared.model);
  halved.model = optimize::stored_as(std::move(halved.model), prepared.stored);
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
  const auto form = find_int8(call, model, material, bars);
  write_int8(form, target, "Nothing was packed. Allow more with --max-drop, or leave int8 out of --also.");
  return describe(form);
}

}  // namespace goshawk::cli
