#include "goshawk/train/torch/run_weights.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/train/torch/artefact.h"
#include "goshawk/train/torch/ema.h"
#include "goshawk/train/torch/stored.h"
#include "goshawk/train/validation.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;

/// For files that others get, to whom this machine's folders say nothing: of a path, the name of the file.
nlohmann::ordered_json without_folders(const TrainOptions& options) {
  auto json = to_json(options);
  for (const char* key : {"data", "model", "weights", "teacher"})
    json[key] = fs::path(json[key].get<std::string>()).filename().string();
  return json;
}

}  // namespace

RunWeights::RunWeights(const fs::path& folder, const TrainingSet& set, Network network)
    : folder_(folder / "weights"), set_(set), network_(std::move(network)) {}

void RunWeights::write_last(Checkpoint state) const { write_checkpoint(folder_ / "last.safetensors", std::move(state)); }

Checkpoint RunWeights::read_last() const { return read_checkpoint(folder_ / "last.safetensors"); }

void RunWeights::write_best(Checkpoint state) const {
  state.options = options_from_json(without_folders(state.options), "options");
  write_checkpoint(folder_ / "best.safetensors", std::move(state));
}

std::shared_ptr<DetectionNetwork> RunWeights::write_model_of(const char* name) const {
  const Checkpoint from = read_checkpoint(folder_ / (std::string(name) + ".safetensors"));
  auto network = std::make_shared<DetectionNetwork>(network_);
  use_channels_last(*network);
  restore_all(tensors_of(*network), from.tensors, "ema.");
  network->eval();
  ArtefactOptions artefact;
  artefact.recipe = recipe_of(set_.classes, from.options.imgsz, size_multiple(network_));
  artefact.dynamic = from.options.dynamic;
  artefact.metadata["goshawk.training"] = nlohmann::json{
      {"network", network_.name},
      {"epoch", from.standing.epochs_done},
      {"options", without_folders(from.options)},
      {"data", set_.fingerprint}}.dump();
  write_model(*network, folder_ / (std::string(name) + ".onnx"), artefact);
  return network;
}

std::shared_ptr<DetectionNetwork> RunWeights::write_models() const {
  std::optional<Error> failure;
  try {
    write_model_of("last");
  } catch (const Error& error) {  // the best may be sound where the last are no numbers any more
    failure = error;
  }
  std::shared_ptr<DetectionNetwork> best;
  if (fs::exists(folder_ / "best.safetensors")) best = write_model_of("best");
  if (failure) throw Error(*failure);
  return best;
}

}  // namespace goshawk::train
