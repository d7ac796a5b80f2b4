#include "goshawk/runtime/session.h"

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/machine.h"

namespace goshawk::runtime {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kOpenVino = "OpenVINOExecutionProvider";

void ORT_API_CALL ignore_log(void*, OrtLoggingLevel, const char*, const char*, const char*, const char*) {}

/// ONNX Runtime allows one environment a process; it lives as long as the process.
Ort::Env& environment() {
  static Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "goshawk", ignore_log, nullptr);
  return env;
}

std::optional<fs::path> openvino_plugin() {
  std::vector<fs::path> folders;
  if (const char* chosen = std::getenv("GOSHAWK_PROVIDER_PATH"); chosen != nullptr) folders.emplace_back(chosen);
  folders.emplace_back(GOSHAWK_PROVIDER_DIR);
  for (const auto& folder : folders) {
    const fs::path file = folder / "openvino" / "libonnxruntime_providers_openvino_plugin.so";
    if (fs::exists(file)) return file;
  }
  return std::nullopt;
}

std::vector<Ort::ConstEpDevice> openvino_devices() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (const auto plugin = openvino_plugin()) environment().RegisterExecutionProviderLibrary(kOpenVino, plugin->string());
  });
  std::vector<Ort::ConstEpDevice> devices;
  for (const auto& device : environment().GetEpDevices()) {
    if (std::string_view(device.EpName()) == kOpenVino && device.Device().Type() == OrtHardwareDeviceType_CPU) {
      devices.push_back(device);
      break;
    }
  }
  return devices;
}

ElementType element_type(ONNXTensorElementDataType type) {
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
      return ElementType::kFloat32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16:
      return ElementType::kFloat16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8:
      return ElementType::kUint8;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
      return ElementType::kInt32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
      return ElementType::kInt64;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL:
      return ElementType::kBool;
    default:
      return ElementType::kOther;
  }
}

template <typename T>
std::shared_ptr<const float[]> converted(const T* values, std::size_t count) {
  std::shared_ptr<float[]> data(new float[count]);
  std::transform(values, values + count, data.get(), [](T value) { return static_cast<float>(value); });
  return data;
}

/// Keeps the runtime's memory alive behind a float pointer, or converts.
Tensor to_tensor(Ort::Value&& value) {
  const auto info = value.GetTensorTypeAndShapeInfo();
  Tensor tensor{info.GetShape(), nullptr};
  const std::size_t count = info.GetElementCount();
  switch (info.GetElementType()) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT: {
      const float* values = value.GetTensorData<float>();
      auto owner = std::make_shared<Ort::Value>(std::move(value));
      tensor.data = std::shared_ptr<const float[]>(std::move(owner), values);
      break;
    }
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
      tensor.data = converted(value.GetTensorData<std::int64_t>(), count);
      break;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
      tensor.data = converted(value.GetTensorData<std::int32_t>(), count);
      break;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8:
      tensor.data = converted(value.GetTensorData<std::uint8_t>(), count);
      break;
    default:
      throw Error(ErrorCode::kBadData, "the model has an output of an element type that is not supported");
  }
  return tensor;
}

class OrtSession : public Session {
 public:
  OrtSession(const fs::path& path, const SessionOptions& options) {
    const auto start = Clock::now();
    hash_ = sha256_of_file(path);
    Ort::SessionOptions ort;
    const int threads = options.threads > 0 ? options.threads : describe_machine().cores;
    ort.SetIntraOpNumThreads(threads);
    const bool wants_openvino = options.device.kind == DeviceKind::kOpenVino || options.device.kind == DeviceKind::kAuto;
    device_.kind = DeviceKind::kCpu;
    precision_ = Precision::kFp32;
    const auto devices = wants_openvino ? openvino_devices() : std::vector<Ort::ConstEpDevice>{};
    if (!devices.empty()) {
      const nlohmann::json hint = options.precision == Precision::kFp32 ? nlohmann::json("f32") : nlohmann::json();
      nlohmann::json load{{"CPU", {{"INFERENCE_NUM_THREADS", std::to_string(threads)}}}};
      if (!hint.is_null()) load["CPU"]["INFERENCE_PRECISION_HINT"] = hint;
      std::unordered_map<std::string, std::string> provider{{"load_config", load.dump()}};
      if (options.cache_folder) {
        fs::create_directories(*options.cache_folder);
        provider["cache_dir"] = options.cache_folder->string();
      }
      ort.AppendExecutionProvider_V2(environment(), devices, provider);
      device_.kind = DeviceKind::kOpenVino;
      precision_ = options.precision;
    } else if (options.device.kind != DeviceKind::kCpu && options.device.kind != DeviceKind::kAuto) {
      throw Error(ErrorCode::kUnavailable, "the device " + to_string(options.device) + " is not there", "--device");
    }
    session_ = Ort::Session(environment(), path.c_str(), ort);
    describe();
    if (options.warm_up) warm_up();
    statistics_.load_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  }

  const std::vector<TensorInfo>& inputs() const override { return inputs_; }
  const std::vector<TensorInfo>& outputs() const override { return outputs_; }
  const std::map<std::string, std::string>& metadata() const override { return metadata_; }
  Device device() const override { return device_; }
  Precision precision() const override { return precision_; }
  const std::string& model_hash() const override { return hash_; }

  std::vector<Tensor> run(std::span<const TensorView> inputs) override {
    const auto start = Clock::now();
    std::vector<Ort::Value> values;
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeCPU);
    for (const auto& input : inputs) {
      values.push_back(Ort::Value::CreateTensor<float>(memory, const_cast<float*>(input.values.data()), input.values.size(),
                                                       input.shape.data(), input.shape.size()));
    }
    std::vector<const char*> input_names, output_names;
    for (const auto& info : inputs_) input_names.push_back(info.name.c_str());
    for (const auto& info : outputs_) output_names.push_back(info.name.c_str());
    try {
      auto results =
          session_.Run({}, input_names.data(), values.data(), values.size(), output_names.data(), output_names.size());
      std::vector<Tensor> tensors;
      for (auto& result : results) tensors.push_back(to_tensor(std::move(result)));
      const std::lock_guard lock(mutex_);
      latency_.add(Clock::now() - start);
      return tensors;
    } catch (const Ort::Exception& error) {
      throw Error(ErrorCode::kInternal, std::string("inference failed: ") + error.what());
    }
  }

  SessionStatistics statistics() const override {
    const std::lock_guard lock(mutex_);
    SessionStatistics statistics = statistics_;
    statistics.run = latency_.summary();
    return statistics;
  }

 private:
  void describe() {
    Ort::AllocatorWithDefaultOptions allocator;
    const auto read = [&](std::size_t count, auto name, auto type, std::vector<TensorInfo>& list) {
      for (std::size_t i = 0; i < count; ++i) {
        const auto info = type(i);
        const auto shape = info.GetTensorTypeAndShapeInfo();
        list.push_back({name(i), element_type(shape.GetElementType()), shape.GetShape()});
      }
    };
    read(
        session_.GetInputCount(), [&](std::size_t i) { return std::string(session_.GetInputNameAllocated(i, allocator).get()); },
        [&](std::size_t i) { return session_.GetInputTypeInfo(i); }, inputs_);
    read(
        session_.GetOutputCount(), [&](std::size_t i) { return std::string(session_.GetOutputNameAllocated(i, allocator).get()); },
        [&](std::size_t i) { return session_.GetOutputTypeInfo(i); }, outputs_);
    const auto metadata = session_.GetModelMetadata();
    for (const auto& key : metadata.GetCustomMetadataMapKeysAllocated(allocator)) {
      metadata_[key.get()] = metadata.LookupCustomMetadataMapAllocated(key.get(), allocator).get();
    }
  }

  void warm_up() {
    std::vector<std::vector<float>> zeros;
    std::vector<TensorView> views;
    for (const auto& info : inputs_) {
      std::vector<std::int64_t> shape = info.shape;
      if (std::any_of(shape.begin() + 1, shape.end(), [](std::int64_t d) { return d < 0; })) return;
      if (shape[0] < 0) shape[0] = 1;
      const auto count = std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
      zeros.emplace_back(static_cast<std::size_t>(count), 0.0F);
      views.push_back({zeros.back(), shape});
    }
    run(views);
    latency_ = {};
  }

  Ort::Session session_{nullptr};
  std::vector<TensorInfo> inputs_, outputs_;
  std::map<std::string, std::string> metadata_;
  Device device_;
  Precision precision_ = Precision::kAuto;
  std::string hash_;
  SessionStatistics statistics_;
  mutable std::mutex mutex_;
  LatencyRecorder latency_;
};

}  // namespace

std::size_t Tensor::size() const {
  return static_cast<std::size_t>(std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>()));
}

std::unique_ptr<Session> Session::load(const fs::path& model, const SessionOptions& options) {
  try {
    return std::make_unique<OrtSession>(model, options);
  } catch (const Ort::Exception& error) {
    throw Error(ErrorCode::kBadData, std::string("ONNX Runtime cannot load the model: ") + error.what(), model.string());
  }
}

}  // namespace goshawk::runtime
