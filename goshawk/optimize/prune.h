// Structured pruning: whole channels leave the network, so that file and time shrink.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/onnx/model.h"
#include "goshawk/optimize/elimination.h"

namespace goshawk::optimize {

/// How much a channel matters.
enum class Saliency {
  kMagnitude,   // L2 norm of its filters relative to the layer's mean; batch-norm scales are part of folded filters
  kActivation,  // what the convolutions that see it lose on pictures, for what it costs (elimination.h)
};
std::string_view to_string(Saliency saliency);
/// Throws Error{kUsage}.
Saliency parse_saliency(std::string_view text);

struct PruneOptions {
  Saliency saliency = Saliency::kMagnitude;
  bool global = true;        // channels compete across layers; else each layer loses the same share
  double target = 0.5;       // multiplications that remain, of the original's, in (0, 1)
  double least_kept = 0.25;  // of a layer's channels, whatever their saliency
  // Channels of layers, by label, that `least_kept` is of: the original's, where the model was pruned before.
  std::map<std::string, std::size_t> widths = {};
  int multiple = 16;                 // channel counts that remain are multiples of it, which is what a vector of AVX-512
                                     // holds; it is halved, down to 8, for layers of less than two of it
  std::set<std::string> whole = {};  // labels of convolutions that lose nothing
};

struct PrunedLayer {
  std::string label, output;
  std::size_t before = 0;         // output channels
  std::vector<std::size_t> kept;  // those that are left, rising
};

struct Pruned {
  onnx::Model model;
  std::vector<PrunedLayer> layers;  // those that lost channels
  double before = 0, after = 0;     // multiplications and additions of the convolutions for one picture
  std::size_t weights_before = 0, weights_after = 0;
  std::size_t refitted = 0;  // convolutions with new weights, see refit.h
};

/// Output channels of each convolution, by its label.
std::map<std::string, std::size_t> widths_of(const onnx::Model& model);

/// Throws Error{kUsage} for a name in `whole` that is no convolution of the model.
void check_whole(const onnx::Model& model, const std::set<std::string>& whole);

/// Removes channels until `target` is reached or nothing more may go. Channels that meet in an addition, a depthwise
/// convolution, or a product go together; concatenation, split, pooling and resizing are followed; channels that reach a
/// reshape, a matrix product or an output stay. `covariances`: of the model, for kActivation.
/// Throws Error{kBadConfig} when no channel can go.
Pruned prune(const onnx::Model& model, const ChannelCovariances* covariances, const PruneOptions& options);

}  // namespace goshawk::optimize
