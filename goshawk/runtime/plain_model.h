// A model in memory, run as its author wrote it: for those who edit models and must know what each value is.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/runtime/session.h"

namespace goshawk::runtime {

/// A tensor with its own element type; `type` is the number of TensorProto.DataType.
struct RawTensor {
  std::string name;
  int type = 0;
  std::vector<std::int64_t> shape;
  std::string bytes;  // row-major, little-endian
  bool operator==(const RawTensor&) const = default;

  static RawTensor of(std::string name, std::vector<std::int64_t> shape, std::span<const float> values);
  /// The values, while this lives; none of another element type.
  std::span<const float> floats() const;
};

struct PlainModelOptions {
  int threads = 0;       // 0: all cores of this process
  bool optimize = true;  // ONNX Runtime's own changes to the graph; without them every node is computed as it stands
};

/// Runs on the CPU provider in the precision of its values. Thread rule: `run` from one thread at a time.
class PlainModel {
 public:
  /// `bytes`: of an ONNX file without weights in other files. Throws Error{kBadData} with ONNX Runtime's message for a graph
  /// that it does not accept (unknown operators, shapes that do not fit); `where` names the model.
  PlainModel(std::string_view bytes, const std::string& where, const PlainModelOptions& options = {});
  ~PlainModel();
  PlainModel(const PlainModel&) = delete;
  PlainModel& operator=(const PlainModel&) = delete;

  const std::vector<TensorInfo>& inputs() const;
  /// Types and shapes (-1: varies) of the outputs, as ONNX Runtime infers them; no bytes.
  const std::vector<RawTensor>& outputs() const;
  /// All outputs, in the model's order. Text and sequences have no bytes. Throws Error{kBadData} where it cannot run.
  std::vector<RawTensor> run(std::span<const RawTensor> inputs);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace goshawk::runtime
