// The tensors of a network by name.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "goshawk/train/export_onnx.h"
#include "goshawk/train/torch/modules.h"
#include "goshawk/train/trained_model.h"

namespace goshawk::train {

/// Reads parameters and buffers of `network`, which must outlive the result. Values are copied as float.
WeightSource weights_of(const DetectionNetwork& network);

/// How many of the network's tensors have got values.
struct Taken {
  std::size_t tensors = 0, of = 0;
};

/// Gives `network` the tensors of a checkpoint (or of any safetensors file with such names) that fit by name and shape: of
/// a checkpoint the averaged ones, which are the better network. Throws what read_safetensors throws, and
/// Error{kBadData} for one that fits but holds counters instead of floats, or the other way round.
Taken take_checkpoint(DetectionNetwork& network, const std::filesystem::path& path);

/// Moves the weights and statistics of `network` by `share` (0 to 1) of the way to those of `other`, a network of the same
/// description. Means of networks that were trained on from common weights are often better than each (Wortsman et al.,
/// 2022: Model soups).
void move_towards(DetectionNetwork& network, const DetectionNetwork& other, double share);

/// Gives `network` the weights of a model as far as they fit (a head for other classes does not). Norms, which the model has
/// folded, come back with statistics taken while `look` runs the network over pictures; outside of training the network
/// computes what the model computes. Leaves the network in training mode.
Taken take_weights(DetectionNetwork& network, const TrainedModel& model, const std::function<void()>& look);

/// What the exported model computes, in torch: raw maps -> [N, 4 + classes, anchors], cx cy w h in pixels and scores.
torch::Tensor decode_maps(const std::vector<torch::Tensor>& maps, const Network& network);

}  // namespace goshawk::train
