// Which layers of a network take the time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/runtime/session.h"

namespace goshawk::runtime {

/// One node of the graph as the provider runs it: fused nodes are one.
struct LayerTime {
  std::string name;       // the node's
  std::string operation;  // "Conv"
  std::string provider;   // that runs it
  std::string output;     // shape of the first output, "1x16x208x208"; empty where it is not told
  double ms = 0;          // a run, median
  bool operator==(const LayerTime&) const = default;
};

struct LayerTimes {
  Device device;
  std::string provider;           // with its version
  std::vector<LayerTime> layers;  // slowest first
  double total_ms = 0;            // of all layers
  /// True where the provider runs (nearly) the whole graph as one node and does not look inside: OpenVINO, TensorRT.
  bool opaque = false;
};

/// Runs the model with ONNX Runtime's profiler on random values: 3 runs that do not count, then `runs`. Nothing is taken
/// from a cache or put into one. `shapes`: one an input, without -1. `options`: device (auto: the CPU provider, which shows
/// all layers), precision, threads.
/// Throws as Session::load and Session::run do; Error{kBadConfig} for shapes, {kInterrupted}, {kIo} when the profile cannot
/// be written to the folder for temporary files.
LayerTimes measure_layers(const std::filesystem::path& model, const std::vector<std::vector<std::int64_t>>& shapes,
                          const SessionOptions& options = {}, int runs = 10, const std::stop_token& stop = {});

/// The layers of a profile's text (JSON of ONNX Runtime's profiler, 1.31): what `measure_layers` reads. The first `skipped`
/// runs of each layer are left out. Throws Error{kBadConfig} for what is no JSON, {kBadData} for what is no profile.
std::vector<LayerTime> parse_profile(std::string_view text, int skipped);

}  // namespace goshawk::runtime
