// From a network's description and its trained weights to an ONNX file.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "goshawk/train/network.h"

namespace goshawk::train {

/// A tensor's shape and its values in row-major order.
struct Weights {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

/// The tensor of that name ("model.0.conv.weight"); aborts when there is none.
using WeightSource = std::function<Weights(const std::string& name)>;

struct ExportOptions {
  int width = 640, height = 640;  // pixels, multiples of the largest stride
  std::optional<int> batch = 1;   // nullopt: any
  bool dynamic_size = false;      // the model takes other multiples of the stride too
  std::map<std::string, std::string> metadata;
};

/// The model's metadata of this name describes its network (network.h).
inline constexpr const char* kNetworkKey = "goshawk.network";

/// The model's bytes: operator set 17, batch norm folded into the convolutions. Input "images" [N, 3, H, W], RGB in [0, 1];
/// output "output0" [N, 4 + classes, anchors]: cx cy w h in input pixels, then each class's score in [0, 1]; anchors by
/// rising stride, row by row (the layout of family yolov8, core/recipe.h). Throws Error{kBadConfig} for a size that does not
/// fit.
std::string export_onnx(const Network& network, const WeightSource& weights, const ExportOptions& options);

}  // namespace goshawk::train
