// Between the caller's floats and ONNX Runtime's tensors. Private to runtime/: it includes ONNX Runtime's header.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "goshawk/runtime/session.h"

namespace goshawk::runtime {

ElementType element_type(ONNXTensorElementDataType type);
ONNXTensorElementDataType ort_type(ElementType type);
/// Bytes of one element; 0 for kOther.
std::size_t size_of(ElementType type);

/// Number of values of a shape; throws Error{kBadConfig} for a negative dimension and when it does not fit into 2^40.
std::size_t count_of(const std::vector<std::int64_t>& shape);

/// Buffers for converted inputs, used again by the next call. Thread-safe.
class BufferPool {
 public:
  using Buffer = std::vector<std::byte>;
  Buffer take(std::size_t bytes);
  void give_back(Buffer&& buffer);

 private:
  std::mutex mutex_;
  std::vector<Buffer> free_;
};

/// An input tensor that refers to the caller's memory (float32) or to a buffer of the pool (anything else).
/// float -> uint8 rounds to nearest and saturates, -> integers truncates, -> float16 rounds to nearest even.
class InputTensor {
 public:
  InputTensor(const TensorInfo& info, const TensorView& view, BufferPool& pool);
  ~InputTensor();
  InputTensor(const InputTensor&) = delete;
  InputTensor& operator=(const InputTensor&) = delete;
  Ort::Value take() { return std::move(value_); }

 private:
  BufferPool& pool_;
  BufferPool::Buffer buffer_;
  Ort::Value value_{nullptr};
};

/// Of output `name`. Takes the runtime's memory over (float32) or converts it to float.
/// Throws Error{kBadData} for elements that have no meaning as numbers here (text, complex, sequences).
Tensor to_tensor(Ort::Value&& value, const std::string& name);

}  // namespace goshawk::runtime
