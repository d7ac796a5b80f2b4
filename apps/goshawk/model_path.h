// From what the user calls a model to a file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/goshawk/command.h"
#include "apps/goshawk/model_manifest.h"

namespace goshawk::cli {

/// Folders in which models are looked for; those that do not exist are skipped.
struct ModelPlaces {
  std::vector<std::filesystem::path> bundled;  // share/goshawk/models of an installation, models/ of a checkout
  std::filesystem::path cache;                 // where `goshawk models pull` puts them
  std::filesystem::path shared;                // developers' data beside a checkout
};

/// The places of this process, found from where its program file lies.
ModelPlaces model_places();

/// Of the models that goshawk ships: its own.
constexpr const char* kBundledLicence = "Apache-2.0";

/// Whether it lies in a folder of bundled models.
bool is_bundled(const std::filesystem::path& model, const ModelPlaces& places = model_places());

struct ModelFile {
  std::filesystem::path path;
  std::string origin;  // "given", "bundled", "pulled", "shared data"
};

/// Settles `--model`: a path; else a name, with or without ".onnx", of a bundled or pulled model. Empty text means the
/// default: the bundled goshawk-n, else the model pulled last, else yolox_nano of the shared data. Throws Error{kNotFound}
/// that says what to do (`goshawk models pull NAME` for a known one).
ModelFile resolve_model(const std::string& text, const ModelPlaces& places = model_places(),
                        const std::vector<ModelEntry>& manifest = builtin_manifest());

/// For commands that take models as arguments: throws Error{kUsage} where --model names one more.
void refuse_second_model(const Invocation& call);

/// Names by which models can be told apart: file names without ending, or paths where two files have one name. SHAPE: a name
/// a model.
std::vector<std::string> model_names(const std::vector<std::filesystem::path>& models);

}  // namespace goshawk::cli
