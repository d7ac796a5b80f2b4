#include "goshawk/runtime/plain_model.h"

#include <onnxruntime_cxx_api.h>
#include <onnxruntime_session_options_config_keys.h>

#include <cstring>

#include "goshawk/core/error.h"
#include "goshawk/core/machine.h"
#include "goshawk/runtime/environment.h"
#include "goshawk/runtime/tensors.h"

namespace goshawk::runtime {
namespace {

std::size_t width_of(ONNXTensorElementDataType type) {
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL:
      return 1;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16:
      return 2;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32:
      return 4;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE:
      return 8;
    default:
      return 0;
  }
}

}  // namespace

RawTensor RawTensor::of(std::string name, std::vector<std::int64_t> shape, std::span<const float> values) {
  RawTensor tensor{std::move(name), ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, std::move(shape), {}};
  tensor.bytes.assign(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  return tensor;
}

std::span<const float> RawTensor::floats() const {
  if (type != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) return {};
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

struct PlainModel::Impl {
  std::string where;
  Ort::Session session{nullptr};
  std::vector<TensorInfo> inputs;
  std::vector<RawTensor> outputs;
  std::vector<const char*> input_pointers, output_pointers;
};

PlainModel::PlainModel(std::string_view bytes, const std::string& where, const PlainModelOptions& options)
    : impl_(std::make_unique<Impl>()) {
  impl_->where = where;
  try {
    Ort::SessionOptions ort;
    ort.SetIntraOpNumThreads(options.threads > 0 ? options.threads : usable_cores());
    ort.AddConfigEntry(kOrtSessionOptionsConfigAllowIntraOpSpinning, "0");
    ort.SetLogSeverityLevel(4);
    if (!options.optimize) ort.SetGraphOptimizationLevel(ORT_DISABLE_ALL);
    impl_->session = Ort::Session(Environment::instance().ort(), bytes.data(), bytes.size(), ort);
    Ort::AllocatorWithDefaultOptions allocator;
    for (std::size_t i = 0; i < impl_->session.GetInputCount(); ++i) {
      const auto type = impl_->session.GetInputTypeInfo(i);
      TensorInfo info{impl_->session.GetInputNameAllocated(i, allocator).get(), ElementType::kOther, {}};
      if (type.GetONNXType() == ONNX_TYPE_TENSOR) {
        const auto tensor = type.GetTensorTypeAndShapeInfo();
        info.type = element_type(tensor.GetElementType());
        info.shape = tensor.GetShape();
      }
      impl_->inputs.push_back(std::move(info));
    }
    for (std::size_t i = 0; i < impl_->session.GetOutputCount(); ++i) {
      const auto type = impl_->session.GetOutputTypeInfo(i);
      RawTensor info{impl_->session.GetOutputNameAllocated(i, allocator).get(), 0, {}, {}};
      if (type.GetONNXType() == ONNX_TYPE_TENSOR) {
        const auto tensor = type.GetTensorTypeAndShapeInfo();
        info.type = static_cast<int>(tensor.GetElementType());
        info.shape = tensor.GetShape();
      }
      impl_->outputs.push_back(std::move(info));
    }
  } catch (const Ort::Exception& error) {
    throw Error(ErrorCode::kBadData, "ONNX Runtime does not accept the model: " + one_line(error.what()), where);
  }
  for (const auto& info : impl_->inputs) impl_->input_pointers.push_back(info.name.c_str());
  for (const auto& info : impl_->outputs) impl_->output_pointers.push_back(info.name.c_str());
}

PlainModel::~PlainModel() = default;

const std::vector<TensorInfo>& PlainModel::inputs() const { return impl_->inputs; }
const std::vector<RawTensor>& PlainModel::outputs() const { return impl_->outputs; }

std::vector<RawTensor> PlainModel::run(std::span<const RawTensor> inputs) {
  require(inputs.size() == impl_->inputs.size(), "PlainModel::run: number of inputs");
  try {
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    std::vector<Ort::Value> values;
    for (const auto& input : inputs) {
      // The runtime reads only; its interface has no const.
      values.push_back(Ort::Value::CreateTensor(memory, const_cast<char*>(input.bytes.data()), input.bytes.size(),
                                                input.shape.data(), input.shape.size(),
                                                static_cast<ONNXTensorElementDataType>(input.type)));
    }
    auto results = impl_->session.Run({}, impl_->input_pointers.data(), values.data(), values.size(),
                                      impl_->output_pointers.data(), impl_->output_pointers.size());
    std::vector<RawTensor> tensors;
    for (std::size_t i = 0; i < results.size(); ++i) {
      RawTensor tensor;
      tensor.name = impl_->outputs[i].name;
      if (results[i].IsTensor()) {
        const auto info = results[i].GetTensorTypeAndShapeInfo();
        tensor.type = static_cast<int>(info.GetElementType());
        tensor.shape = info.GetShape();
        const std::size_t bytes = info.GetElementCount() * width_of(info.GetElementType());
        if (bytes > 0) tensor.bytes.assign(static_cast<const char*>(results[i].GetTensorRawData()), bytes);
      }
      tensors.push_back(std::move(tensor));
    }
    return tensors;
  } catch (const Ort::Exception& error) {
    throw Error(ErrorCode::kBadData, "the model cannot run: " + one_line(error.what()), impl_->where);
  }
}

}  // namespace goshawk::runtime
