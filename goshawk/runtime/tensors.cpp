#include "goshawk/runtime/tensors.h"

#include <algorithm>
#include <array>
#include <opencv2/core/mat.hpp>
#include <utility>

#include "goshawk/core/error.h"

namespace goshawk::runtime {
namespace {

struct TypeRow {
  ElementType type;
  ONNXTensorElementDataType ort;
  const char* name;
  std::size_t bytes;
};

constexpr std::array<TypeRow, 8> kTypes{{{ElementType::kFloat32, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, "float32", 4},
                                         {ElementType::kFloat16, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, "float16", 2},
                                         {ElementType::kFloat64, ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, "float64", 8},
                                         {ElementType::kUint8, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, "uint8", 1},
                                         {ElementType::kInt32, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, "int32", 4},
                                         {ElementType::kInt64, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, "int64", 8},
                                         {ElementType::kBool, ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, "bool", 1},
                                         {ElementType::kOther, ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED, "other", 0}}};

const TypeRow& row(ElementType type) {
  return *std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& r) { return r.type == type; });
}

template <typename T>
void cast_to(std::span<const float> values, void* target) {
  std::transform(values.begin(), values.end(), static_cast<T*>(target), [](float value) { return static_cast<T>(value); });
}

/// OpenCV's conversions use the CPU's vector instructions; rows keep the column count within int.
void convert(const void* source, int source_type, void* target, int target_type, std::size_t count) {
  constexpr std::size_t kRow = 1U << 20;
  const auto source_bytes = static_cast<std::size_t>(CV_ELEM_SIZE1(source_type));
  const auto target_bytes = static_cast<std::size_t>(CV_ELEM_SIZE1(target_type));
  for (std::size_t done = 0; done < count; done += kRow) {
    const int columns = static_cast<int>(std::min(kRow, count - done));
    const cv::Mat from(1, columns, source_type,
                       const_cast<std::byte*>(static_cast<const std::byte*>(source) + done * source_bytes));
    cv::Mat to(1, columns, target_type, static_cast<std::byte*>(target) + done * target_bytes);
    from.convertTo(to, target_type);
  }
}

[[noreturn]] void reject_type(const char* end, const std::string& name) {
  throw Error(ErrorCode::kBadData,
              std::string("the elements of the model's ") + end + " '" + name + "' are of a type that is not supported", "",
              "Export it with float32: bfloat16 and text are no inputs or outputs here");
}

void convert_from_float(std::span<const float> values, const TensorInfo& info, void* target) {
  switch (info.type) {
    case ElementType::kFloat16:
      return convert(values.data(), CV_32F, target, CV_16F, values.size());
    case ElementType::kUint8:
      return convert(values.data(), CV_32F, target, CV_8U, values.size());
    case ElementType::kFloat64:
      return cast_to<double>(values, target);
    case ElementType::kInt32:
      return cast_to<std::int32_t>(values, target);
    case ElementType::kInt64:
      return cast_to<std::int64_t>(values, target);
    case ElementType::kBool:
      return cast_to<bool>(values, target);
    default:
      reject_type("input", info.name);
  }
}

template <typename T>
std::shared_ptr<const float[]> widened(const Ort::Value& value, std::size_t count) {
  const T* values = value.GetTensorData<T>();
  std::shared_ptr<float[]> data(new float[count]);
  std::transform(values, values + count, data.get(), [](T v) { return static_cast<float>(v); });
  return data;
}

std::shared_ptr<const float[]> as_floats(const Ort::Value& value, ONNXTensorElementDataType type, std::size_t count,
                                         const std::string& name) {
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16: {
      std::shared_ptr<float[]> data(new float[count]);
      convert(value.GetTensorRawData(), CV_16F, data.get(), CV_32F, count);
      return data;
    }
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE:
      return widened<double>(value, count);
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8:
      return widened<std::uint8_t>(value, count);
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8:
      return widened<std::int8_t>(value, count);
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
      return widened<std::int32_t>(value, count);
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
      return widened<std::int64_t>(value, count);
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL:
      return widened<bool>(value, count);
    default:
      reject_type("output", name);
  }
}

}  // namespace

ElementType element_type(ONNXTensorElementDataType type) {
  const auto* found = std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& r) { return r.ort == type; });
  return found == kTypes.end() ? ElementType::kOther : found->type;
}

ONNXTensorElementDataType ort_type(ElementType type) { return row(type).ort; }
const char* name_of(ElementType type) { return row(type).name; }
std::size_t size_of(ElementType type) { return row(type).bytes; }

std::size_t count_of(const std::vector<std::int64_t>& shape) {
  constexpr std::int64_t kMost = 1LL << 40;
  std::int64_t count = 1;
  for (const std::int64_t dimension : shape) {
    if (dimension < 0 || (dimension > 0 && count > kMost / dimension)) {
      throw Error(ErrorCode::kBadConfig, "a tensor's shape is negative or too large");
    }
    count *= dimension;
  }
  return static_cast<std::size_t>(count);
}

BufferPool::Buffer BufferPool::take(std::size_t bytes) {
  Buffer buffer;
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      buffer = std::move(free_.back());
      free_.pop_back();
    }
  }
  buffer.resize(bytes);
  return buffer;
}

void BufferPool::give_back(Buffer&& buffer) {
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(buffer));
}

InputTensor::InputTensor(const TensorInfo& info, const TensorView& view, BufferPool& pool) : pool_(pool) {
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeCPU);
  if (info.type == ElementType::kFloat32) {
    // ONNX Runtime's signature is not const because the same call wraps outputs; inputs are only read.
    value_ = Ort::Value::CreateTensor<float>(memory, const_cast<float*>(view.values.data()), view.values.size(),
                                             view.shape.data(), view.shape.size());
    return;
  }
  buffer_ = pool_.take(view.values.size() * size_of(info.type));
  convert_from_float(view.values, info, buffer_.data());
  value_ = Ort::Value::CreateTensor(memory, buffer_.data(), buffer_.size(), view.shape.data(), view.shape.size(),
                                    ort_type(info.type));
}

InputTensor::~InputTensor() {
  if (buffer_.capacity() > 0) pool_.give_back(std::move(buffer_));
}

Tensor to_tensor(Ort::Value&& value, const std::string& name) {
  if (!value.IsTensor()) throw Error(ErrorCode::kBadData, "the model's output '" + name + "' is no tensor");
  const auto info = value.GetTensorTypeAndShapeInfo();
  Tensor tensor{info.GetShape(), nullptr};
  if (info.GetElementType() != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) {
    tensor.data = as_floats(value, info.GetElementType(), info.GetElementCount(), name);
    return tensor;
  }
  const float* values = value.GetTensorData<float>();
  auto owner = std::make_shared<Ort::Value>(std::move(value));
  tensor.data = std::shared_ptr<const float[]>(std::move(owner), values);
  return tensor;
}

}  // namespace goshawk::runtime
