// From trained weights to a model file that is proven to be right.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "goshawk/core/recipe.h"
#include "goshawk/train/torch/modules.h"

namespace goshawk::train {

/// Greatest difference between torch and ONNX Runtime that an export may have: of scores, and of boxes as fractions of the
/// input's side.
inline constexpr double kExportTolerance = 1e-4;

struct ArtefactOptions {
  Recipe recipe;         // its sizes are those of the model's input
  bool dynamic = false;  // any batch and size
  std::map<std::string, std::string> metadata;
};

/// Writes `network` as ONNX with recipe and conformance vectors; `path` appears only when ONNX Runtime gave what torch gives
/// on the same input. `network` must be in evaluation mode. Throws Error{kInternal} for a mismatch, {kIo}.
void write_model(DetectionNetwork& network, const std::filesystem::path& path, const ArtefactOptions& options);

}  // namespace goshawk::train
