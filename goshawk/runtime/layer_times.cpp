#include "goshawk/runtime/layer_times.h"

#include <onnxruntime_session_options_config_keys.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/machine.h"
#include "goshawk/core/scratch_folder.h"
#include "goshawk/core/utf8.h"
#include "goshawk/runtime/environment.h"
#include "goshawk/runtime/ort_session.h"
#include "goshawk/runtime/random_inputs.h"

namespace goshawk::runtime {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kSkippedRuns = 3;
constexpr std::string_view kKernel = "_kernel_time";
constexpr DocumentLimits kProfileLimits{512ULL << 20, 50'000'000, 32};

std::string shape_text(const json& tensors) {
  if (!tensors.is_array() || tensors.empty() || !tensors[0].is_object() || tensors[0].empty()) return {};
  std::string text;
  for (const auto& dimension : tensors[0].begin().value()) text += (text.empty() ? "" : "x") + dimension.dump();
  return text;
}

std::string run_profiled(const fs::path& model, const ModelFile& file, const Provider& provider, int threads,
                         const std::vector<std::vector<std::int64_t>>& shapes, int runs, const std::stop_token& stop) {
  const ScratchFolder scratch;
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(threads);
  options.AddConfigEntry(kOrtSessionOptionsConfigAllowIntraOpSpinning, "0");  // as Session does: else others are timed
  options.EnableProfiling((scratch.path() / "profile").c_str());
  provider.append(options, {});
  OrtSession session(Ort::Session(Environment::instance().ort(), behind_links(model).c_str(), options), provider, file);
  const RandomInputs inputs(session.inputs(), shapes);
  for (int i = 0; i < kSkippedRuns + runs; ++i) {
    if (stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while timing layers");
    session.run(inputs.views());
  }
  return read_file(session.end_profiling(), kProfileLimits.bytes);
}

/// Whether one node holds what should be many.
bool is_opaque(const std::vector<LayerTime>& layers, const Device& device) {
  if (device.kind == DeviceKind::kCpu || device.kind == DeviceKind::kCuda || layers.empty()) return false;
  double total = 0;
  for (const auto& layer : layers) total += layer.ms;
  return layers[0].ms > 0.8 * total && layers[0].provider != "CPUExecutionProvider";
}

}  // namespace

std::vector<LayerTime> parse_profile(std::string_view text, int skipped) {
  const json events = parse_json(valid_utf8(text), "ONNX Runtime's profile", kProfileLimits);
  struct Sum {
    LayerTime layer;
    int seen = 0;
    std::vector<float> milliseconds;
  };
  std::map<std::string, Sum> sums;  // by node index and name: two nodes may have one name
  try {
    for (const auto& event : events) {
      const auto name = event.value("name", std::string());
      if (event.value("cat", std::string()) != "Node" || !std::string_view(name).ends_with(kKernel)) continue;
      const json& about = event.at("args");
      Sum& sum = sums[about.value("node_index", std::string()) + " " + name];
      if (sum.seen++ < skipped) continue;
      sum.milliseconds.push_back(static_cast<float>(event.at("dur").get<double>() / 1000));
      if (sum.milliseconds.size() > 1) continue;
      sum.layer = {name.substr(0, name.size() - kKernel.size()), about.value("op_name", std::string()),
                   about.value("provider", std::string()),
                   about.contains("output_type_shape") ? shape_text(about["output_type_shape"]) : "", 0};
    }
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kBadData, std::string("ONNX Runtime's profile is not understood: ") + error.what());
  }
  std::vector<LayerTime> layers;
  for (auto& [key, sum] : sums) {
    if (sum.milliseconds.empty()) continue;
    // The median: what interrupts one run for milliseconds would else make its layer the slowest.
    std::sort(sum.milliseconds.begin(), sum.milliseconds.end());
    sum.layer.ms = percentile(sum.milliseconds, 0.5);
    layers.push_back(std::move(sum.layer));
  }
  std::stable_sort(layers.begin(), layers.end(), [](const auto& a, const auto& b) { return a.ms > b.ms; });
  return layers;
}

LayerTimes measure_layers(const fs::path& model, const std::vector<std::vector<std::int64_t>>& shapes,
                          const SessionOptions& options, int runs, const std::stop_token& stop) {
  require(runs > 0, "measure_layers needs a run");
  const ModelFile file = inspect_model(model);
  const bool any = options.device.kind == DeviceKind::kAuto;
  const int threads = options.threads > 0 ? options.threads : usable_cores();
  const Provider provider = make_provider(any ? Device{DeviceKind::kCpu, 0} : options.device,
                                          {.precision = any ? Precision::kAuto : options.precision,
                                           .threads = threads,
                                           .engine = options.engine,
                                           .eight_bits = file.has_eight_bits()});
  LayerTimes times;
  times.device = provider.device;
  times.provider = provider.name;
  try {
    times.layers = parse_profile(run_profiled(model, file, provider, threads, shapes, runs, stop), kSkippedRuns);
  } catch (const Ort::Exception& error) {
    throw Error(ErrorCode::kBadData, "ONNX Runtime cannot load the model: " + one_line(error.what()), model.string());
  }
  for (const auto& layer : times.layers) times.total_ms += layer.ms;
  times.opaque = is_opaque(times.layers, times.device);
  return times;
}

}  // namespace goshawk::runtime
