// A network as data: a short list of layers, from which the torch modules are built and the ONNX file is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace goshawk::train {

/// What a layer does. All convolutions are followed by batch norm and SiLU, but for the last of each head branch.
enum class Op {
  kConv,      // convolution
  kCsp,       // cross-stage partial block: two halves, one through `repeats` bottlenecks whose every result is kept
  kSppf,      // spatial pyramid pooling: three max pools in a row, all kept
  kUpsample,  // nearest neighbour, times 2
  kConcat,    // along the channels
  kDetect,    // decoupled head over feature maps of several strides
};

/// One layer with its numbers settled (scale applied, channels counted).
struct Layer {
  Op op = Op::kConv;
  std::vector<int> from;            // indices of the layers it reads; -1: the image
  std::vector<int> input_channels;  // an entry an input
  int channels = 0;                 // of the output; kDetect: 4 * bins + classes
  int kernel = 3;                   // kConv, kSppf: pixels, odd
  int stride = 1;                   // kConv: 1 or 2
  int repeats = 1;                  // kCsp
  bool shortcut = false;            // kCsp: bottlenecks add their input
  // Channels within: what pruning changes. kCsp: of the two parts behind the first convolution, then of each bottleneck
  // behind its first and its second. kSppf: behind the first convolution. kDetect: of each input behind the two convolutions
  // of the box branch, then of the class branch.
  std::vector<int> inner;
  int downsampling = 1;  // input pixels per pixel of the output
  bool operator==(const Layer&) const = default;
};

/// A whole network of one scale. The last layer is the head.
struct Network {
  std::string name;  // "goshawk-n"
  std::vector<Layer> layers;
  int classes = 0;
  int bins = 16;             // distances a side of a box, in steps of the stride
  std::vector<int> strides;  // of the head's inputs, ascending: 8, 16, 32
  bool operator==(const Network&) const = default;

  const Layer& head() const { return layers.back(); }
};

/// What both sides of an input must be multiples of: the largest downsampling of any layer.
int size_multiple(const Network& network);

/// `inner` of a layer whose description says nothing of it: halves of a block's channels; in the head what follows from the
/// channels of its finest map.
std::vector<int> usual_inner(const Layer& layer, const Network& network);

/// Bounds on a description from outside.
inline constexpr int kMostLayers = 500;
inline constexpr int kMostChannels = 8192;
inline constexpr int kMostClasses = 10'000;

/// Settles a description: `scale` is a key of its `scales` (empty: the only one), `classes` >= 1. `where` is put before places
/// in messages. Channels are `channels * width` (at most max_channels before that) rounded up to a multiple of 8, or without
/// scales as they stand; repeats above 1 are `repeats * depth`, rounded, at least 1. Throws Error{kBadConfig} with the
/// layer's number for what is unknown (with a suggestion), missing, or cannot work.
Network parse_network(const nlohmann::json& document, std::string_view scale, int classes, const std::string& where);

/// The description from which parse_network makes this network again, with nothing left to settle.
nlohmann::json description_of(const Network& network);

/// A built-in network by name ("goshawk-n", "goshawk-s", "goshawk-m"), a YAML file ("my.yaml", "my.yaml:s"), or that of a
/// model (trained_model.h). Throws Error{kNotFound, kBadData, kBadConfig, kUsage}.
Network load_network(const std::string& name, int classes);

/// "goshawk-n", "goshawk-s", "goshawk-m".
std::vector<std::string> builtin_networks();

}  // namespace goshawk::train
