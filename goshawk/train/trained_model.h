// A model that goshawk trained, read back: so that training goes on from it, also where pruning has made it smaller.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "goshawk/train/export_onnx.h"
#include "goshawk/train/network.h"

namespace goshawk::train {

/// What export_onnx put together, taken apart. Convolutions have batch norm folded into them: "model.0.weight",
/// "model.0.bias", "model.22.cv2.0.2.weight".
struct TrainedModel {
  Network network;  // with the channels that the weights have; named as the file
  std::map<std::string, Weights> weights;
};

/// Reads a file of export_onnx, or what optimize::prune and the storage forms of `goshawk convert` made of one. Throws
/// Error{kNotFound}, {kBadData} for other models and damaged files.
TrainedModel read_trained_model(const std::filesystem::path& path);

}  // namespace goshawk::train
