// The tensors of a network by name.
#pragma once

#include <memory>

#include "goshawk/train/export_onnx.h"
#include "goshawk/train/torch/modules.h"

namespace goshawk::train {

/// Reads parameters and buffers of `network`, which must outlive the result. Values are copied as float.
WeightSource weights_of(const DetectionNetwork& network);

/// What the exported model computes, in torch: raw maps -> [N, 4 + classes, anchors], cx cy w h in pixels and scores.
torch::Tensor decode_maps(const std::vector<torch::Tensor>& maps, const Network& network);

}  // namespace goshawk::train
