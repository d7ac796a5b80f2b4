// One loaded ONNX model on one device.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "goshawk/core/latency.h"
#include "goshawk/runtime/device.h"
#include "goshawk/runtime/engine_options.h"

namespace goshawk::runtime {

enum class ElementType { kFloat32, kFloat16, kFloat64, kUint8, kInt32, kInt64, kBool, kOther };
/// "float32" and so on, "other".
const char* name_of(ElementType type);

/// Name, type and shape of a model's input or output; a dimension that varies is -1.
struct TensorInfo {
  std::string name;
  ElementType type = ElementType::kFloat32;
  std::vector<std::int64_t> shape;
};

/// An input: a view of values that the caller owns and keeps until `run` returns.
struct TensorView {
  std::span<const float> values;  // row-major, as many as `shape` says; passed on as they are where the model wants float32,
                                  // else converted (uint8: rounded and saturated)
  std::vector<std::int64_t> shape;  // no -1
};

/// An output. Owns its values. float16 is widened; integers and booleans are converted to float (class ids are exact).
struct Tensor {
  std::vector<std::int64_t> shape;
  std::shared_ptr<const float[]> data;  // row-major; shared because the memory may belong to the runtime
  std::size_t size() const;             // number of values
  std::span<const float> values() const { return {data.get(), size()}; }
};

struct SessionOptions {
  Device device;  // auto: the fastest that can load the model
  Precision precision = Precision::kAuto;
  int threads = 0;        // of the CPU providers; 0: all cores of this process
  int parallel_runs = 1;  // runs at once that share the threads; more than 1 gives throughput for latency (OpenVINO only)
  std::optional<std::filesystem::path> cache_folder;  // for compiled blobs and engines; nullopt: nothing is kept
  EngineOptions engine;                               // of TensorRT and TensorRT-RTX
  bool warm_up = true;         // run once on zeros while loading, so that the first frame is as fast as the others;
                               // left out when a dimension other than the first varies
  bool warm_up_cached = true;  // also a compiled model out of the cache, which has run once before it went there
  bool shared = false;         // with other such sessions it shares the working memory of ONNX Runtime and its threads (if
                               // it is to have all cores): for several models that are rarely busy at once
  std::function<void(const std::string&)> log;  // one line for each fallback; may be empty
};

/// Load time and latency of `run`, and memory in bytes.
struct SessionStatistics {
  double load_ms = 0;                                         // reading, compiling or taking from the cache, warm-up
  bool from_cache = false;                                    // the compiled model was taken from `cache_folder`
  LatencySummary run;                                         // milliseconds a call
  std::uint64_t resident_bytes = 0, peak_resident_bytes = 0;  // of this process
  // GPU memory of this process (of the whole GPU where the driver does not tell); 0 on CPUs. The peak is the highest value
  // seen after loading and at each call of `statistics`: NVML keeps none.
  std::uint64_t device_bytes = 0, peak_device_bytes = 0;
};

/// A loaded model. `run` may be called from several threads at once; results do not depend on the batch size.
class Session {
 public:
  /// Throws Error{kNotFound, kBadData} for the file, {kUnavailable} when the device or precision asked for is not there or
  /// cannot load it. `auto` falls back to the next device instead, with one line to `log`.
  static std::unique_ptr<Session> load(const std::filesystem::path& model, const SessionOptions& options = {});
  virtual ~Session() = default;

  virtual const std::vector<TensorInfo>& inputs() const = 0;
  virtual const std::vector<TensorInfo>& outputs() const = 0;
  /// The ONNX file's metadata_props.
  virtual const std::map<std::string, std::string>& metadata() const = 0;
  /// The operators of its main graph's nodes ("Conv", "Sigmoid").
  virtual const std::set<std::string>& operators() const = 0;
  /// What runs it in the end (never kAuto), and with which arithmetic.
  virtual Device device() const = 0;
  virtual Precision precision() const = 0;
  /// Runs at once that gain anything: `SessionOptions::parallel_runs` where the device can, else 1.
  virtual int parallel_runs() const { return 1; }
  /// SHA-256 of the ONNX file.
  virtual const std::string& model_hash() const = 0;

  /// The provider that runs it, with its version: "OpenVINOExecutionProvider 1.8.1".
  virtual const std::string& provider() const = 0;

  /// Runs the model. `inputs` in the order of `inputs()`; outputs in the order of `outputs()`.
  /// Throws Error{kInternal} with ONNX Runtime's message; shapes that do not fit are {kBadConfig}.
  virtual std::vector<Tensor> run(std::span<const TensorView> inputs) = 0;
  virtual SessionStatistics statistics() const = 0;
};

}  // namespace goshawk::runtime
