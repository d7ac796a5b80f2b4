#include "goshawk/runtime/ort_session.h"

#include <algorithm>
#include <deque>

#include "goshawk/core/error.h"
#include "goshawk/runtime/environment.h"
#include "goshawk/runtime/memory.h"

namespace goshawk::runtime {
namespace {

using Clock = LatencyRecorder::Clock;

TensorInfo describe(std::string name, const Ort::TypeInfo& type) {
  if (type.GetONNXType() != ONNX_TYPE_TENSOR) return {std::move(name), ElementType::kOther, {}};
  const auto tensor = type.GetTensorTypeAndShapeInfo();
  return {std::move(name), element_type(tensor.GetElementType()), tensor.GetShape()};
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const auto dimension : shape) text += (text.empty() ? "" : "x") + (dimension < 0 ? "N" : std::to_string(dimension));
  return text.empty() ? "scalar" : text;
}

bool fits(const std::vector<std::int64_t>& given, const std::vector<std::int64_t>& wanted) {
  return given.size() == wanted.size() &&
         std::equal(given.begin(), given.end(), wanted.begin(), [](auto g, auto w) { return g >= 0 && (w < 0 || g == w); });
}

}  // namespace

OrtSession::OrtSession(Ort::Session session, Provider provider, ModelFile model)
    : session_(std::move(session)), provider_(std::move(provider)), model_(std::move(model)) {
  Ort::AllocatorWithDefaultOptions allocator;
  for (std::size_t i = 0; i < session_.GetInputCount(); ++i) {
    inputs_.push_back(describe(session_.GetInputNameAllocated(i, allocator).get(), session_.GetInputTypeInfo(i)));
  }
  for (std::size_t i = 0; i < session_.GetOutputCount(); ++i) {
    outputs_.push_back(describe(session_.GetOutputNameAllocated(i, allocator).get(), session_.GetOutputTypeInfo(i)));
  }
  for (const auto& info : inputs_) input_names_.push_back(info.name.c_str());
  for (const auto& info : outputs_) output_names_.push_back(info.name.c_str());
}

std::vector<Tensor> OrtSession::run(std::span<const TensorView> inputs) {
  const auto start = Clock::now();
  auto tensors = run_unmeasured(inputs);
  const auto duration = Clock::now() - start;
  const std::lock_guard lock(mutex_);
  latency_.add(duration);
  return tensors;
}

std::vector<Tensor> OrtSession::run_unmeasured(std::span<const TensorView> inputs) {
  check(inputs);
  try {
    std::deque<InputTensor> converted;  // hold the buffers until the end
    std::vector<Ort::Value> values;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      values.push_back(converted.emplace_back(inputs_[i], inputs[i], buffers_).take());
    }
    auto results =
        session_.Run({}, input_names_.data(), values.data(), values.size(), output_names_.data(), output_names_.size());
    std::vector<Tensor> tensors;
    tensors.reserve(results.size());
    for (std::size_t i = 0; i < results.size(); ++i) tensors.push_back(to_tensor(std::move(results[i]), outputs_[i].name));
    return tensors;
  } catch (const Ort::Exception& error) {
    throw Error(ErrorCode::kInternal, "inference failed: " + one_line(error.what()), to_string(provider_.device),
                "Try --device cpu; if it fails there too, the model does not accept this input");
  }
}

void OrtSession::check(std::span<const TensorView> inputs) const {
  if (inputs.size() != inputs_.size()) {
    throw Error(ErrorCode::kBadConfig, "the model has " + std::to_string(inputs_.size()) + " inputs, " +
                                           std::to_string(inputs.size()) + " were given");
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto& view = inputs[i];
    const auto& info = inputs_[i];
    if (!fits(view.shape, info.shape)) {
      throw Error(ErrorCode::kBadConfig,
                  "the model's input '" + info.name + "' is " + shape_text(info.shape) + ", not " + shape_text(view.shape));
    }
    if (count_of(view.shape) != view.values.size()) {
      throw Error(ErrorCode::kBadConfig, "the values for the input '" + info.name + "' are " +
                                             std::to_string(view.values.size()) + ", its shape " + shape_text(view.shape) +
                                             " needs another number");
    }
  }
}

void OrtSession::warm_up() {
  std::vector<std::vector<float>> zeros;
  std::vector<TensorView> views;
  for (const auto& info : inputs_) {
    std::vector<std::int64_t> shape = info.shape;
    if (!shape.empty() && shape[0] < 0) shape[0] = 1;
    if (std::any_of(shape.begin(), shape.end(), [](auto dimension) { return dimension < 0; })) return;
    zeros.emplace_back(count_of(shape), 0.0F);
    views.push_back({zeros.back(), std::move(shape)});
  }
  run_unmeasured(views);
}

std::string OrtSession::end_profiling() {
  Ort::AllocatorWithDefaultOptions allocator;
  return session_.EndProfilingAllocated(allocator).get();
}

void OrtSession::set_from_cache(bool from_cache) {
  const std::lock_guard lock(mutex_);
  from_cache_ = from_cache;
}

void OrtSession::set_load_ms(double milliseconds) {
  const std::lock_guard lock(mutex_);
  load_ms_ = milliseconds;
  peak_device_bytes_ = device_bytes();
}

std::uint64_t OrtSession::device_bytes() const {
  if (!is_gpu(provider_.device.kind)) return 0;
  const auto card = gpu(provider_.device.index);
  if (!card) return 0;
  return card->process_bytes > 0 ? card->process_bytes : card->total_bytes - card->free_bytes;
}

SessionStatistics OrtSession::statistics() const {
  const ProcessMemory memory = process_memory();
  const std::uint64_t device = device_bytes();
  const std::lock_guard lock(mutex_);
  peak_device_bytes_ = std::max(peak_device_bytes_, device);
  return {load_ms_, from_cache_, latency_.summary(), memory.resident, memory.peak_resident, device, peak_device_bytes_};
}

}  // namespace goshawk::runtime
