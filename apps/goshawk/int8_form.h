// The INT8 form of a model, as `quantize` and `package` make it.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "apps/goshawk/optimize_commands.h"
#include "goshawk/detect/detector.h"
#include "goshawk/optimize/int8.h"

namespace goshawk::cli {

/// What was found; nothing is written yet.
struct Int8Form {
  optimize::Prepared prepared;
  detect::DetectorOptions device;
  optimize::Int8Outcome outcome;
  std::size_t evaluation_images = 0;  // 0: there are no labels, only outputs were compared
  double max_drop = 0;

  bool passes() const { return evaluation_images == 0 || outcome.drop() <= max_drop; }
};

/// --weights: whether they have 7 bits; nullopt where it is not given. Throws Error{kUsage} for other numbers than 7 and 8.
std::optional<bool> narrow_weights(const Invocation& call);

/// Searches for the INT8 form that loses least on the device of `call`, with its --calibrate, --placement, --activations,
/// --weights, --float and --max-drop where the command has them. Warns of pictures that were left out. Throws what
/// optimize::prepare_model and optimize::Int8Maker throw.
Int8Form find_int8(const Invocation& call, const std::filesystem::path& model, const optimize::Material& material,
                   StepBars& bars);

/// For JSON: the choice, the accuracy and the layers.
nlohmann::ordered_json describe(const Int8Form& form);

/// Writes it with its recipe, its history and conformance vectors. Throws Error{kBadData} with `hint` when it loses more
/// than it may, and what optimize::write_artefact throws.
void write_int8(const Int8Form& form, const std::filesystem::path& target, const std::string& hint);

}  // namespace goshawk::cli
