// A Session over ONNX Runtime. Private to runtime/: it includes ONNX Runtime's header.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <mutex>

#include "goshawk/runtime/model_file.h"
#include "goshawk/runtime/provider.h"
#include "goshawk/runtime/session.h"
#include "goshawk/runtime/tensors.h"

namespace goshawk::runtime {

class OrtSession : public Session {
 public:
  OrtSession(Ort::Session session, Provider provider, ModelFile model);

  const std::vector<TensorInfo>& inputs() const override { return inputs_; }
  const std::vector<TensorInfo>& outputs() const override { return outputs_; }
  const std::map<std::string, std::string>& metadata() const override { return model_.metadata; }
  const std::set<std::string>& operators() const override { return model_.operators; }
  Device device() const override { return provider_.device; }
  Precision precision() const override { return provider_.precision; }
  const std::string& provider() const override { return provider_.name; }
  int parallel_runs() const override { return provider_.parallel_runs; }
  const std::string& model_hash() const override { return model_.sha256; }
  std::vector<Tensor> run(std::span<const TensorView> inputs) override;
  SessionStatistics statistics() const override;

  /// Runs once on zeros where all dimensions but the first are known. Not counted in the statistics.
  void warm_up();
  void set_from_cache(bool from_cache);
  void set_load_ms(double milliseconds);
  /// Writes the profile of a session that was made with profiling on; its file.
  std::string end_profiling();

 private:
  std::vector<Tensor> run_unmeasured(std::span<const TensorView> inputs);
  void check(std::span<const TensorView> inputs) const;
  std::uint64_t device_bytes() const;

  Ort::Session session_;
  Provider provider_;
  ModelFile model_;
  std::vector<TensorInfo> inputs_, outputs_;
  std::vector<const char*> input_names_, output_names_;
  BufferPool buffers_;

  mutable std::mutex mutex_;  // guards what follows
  LatencyRecorder latency_;
  double load_ms_ = 0;
  bool from_cache_ = false;
  mutable std::uint64_t peak_device_bytes_ = 0;
};

}  // namespace goshawk::runtime
