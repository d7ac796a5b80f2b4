// Where a network runs, and in which numbers.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "goshawk/train/network.h"
#include "goshawk/train/options.h"

namespace goshawk::train {

/// A device and the half precision that is used on it where that is safe.
struct Compute {
  torch::Device device{torch::kCPU};
  std::optional<torch::Dtype> half;  // bfloat16 or float16; nullopt: float32 throughout
};

/// "auto" is a GPU where LibTorch's library for them and a device are there, else the CPU; "cuda" is the GPU of that number
/// among those of the processes on this machine. Loads LibTorch's library for GPUs when it lies beside the others. Throws
/// Error{kUnavailable} for a device that is not there, {kUsage} for a name that is none.
torch::Device choose_device(const std::string& name, int local_rank);

/// The device with what `amp` and `half` of the options mean on it: auto is float16 on a GPU, and on a CPU bfloat16 where
/// that is fast (core/processor.h).
Compute compute_of(const TrainOptions& options, const torch::Device& device);

/// Writes down what `auto` stands for, so that a training goes on elsewhere in the numbers in which it began.
void settle_numbers(TrainOptions& options, const Compute& compute);

/// "bfloat16", "float16", "float32".
std::string numbers_of(const Compute& compute);

/// Half precision in what is safe in it, as long as it lives. One thread.
class Autocast {
 public:
  explicit Autocast(const Compute& compute);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  std::optional<torch::DeviceType> type_;
};

/// Bytes [count, side, side, 3] as the network takes them: [count, 3, side, side] in [0, 1], channels last, in half
/// precision where `compute` has one. Through pinned memory to a GPU. The bytes may go as soon as it returns.
torch::Tensor to_input(const std::vector<std::uint8_t>& pixels, std::size_t count, int side, const Compute& compute);

/// Scales losses up so that gradients do not vanish in float16, and finds the scale as it goes: halved after gradients that
/// are no numbers (that step is left out), doubled after 2,000 good steps. Source: Micikevicius et al., "Mixed Precision
/// Training", ICLR 2018. In other types the scale is 1 and nothing is looked at.
class LossScaler {
 public:
  explicit LossScaler(const Compute& compute) : on_(compute.half == torch::kFloat16) {}
  torch::Tensor scaled(const torch::Tensor& loss) const { return on_ ? loss * scale_ : loss; }
  /// Scales the gradients back. False: this step must be left out, as they are no numbers with this scale. With a scale of 1
  /// they are what they are.
  bool unscale(const std::vector<torch::Tensor>& parameters);

  /// For checkpoints.
  double scale() const { return scale_; }
  std::int64_t good_steps() const { return good_steps_; }
  void go_on_from(double scale, std::int64_t good_steps) { scale_ = scale, good_steps_ = good_steps; }

 private:
  bool on_;
  double scale_ = 65536;
  std::int64_t good_steps_ = 0;
};

/// Images whose step needs about six tenths of the memory that is free now but for `reserved` bytes, as measured with a few;
/// a power of two from 1 to `most`. `processes`: as many share the memory. The network's state of chance (its seed) is not
/// touched by it, others' is.
int fitting_batch(const Network& network, int side, const Compute& compute, int processes, int most, double reserved = 0);

/// Whether LibTorch or the system says by this exception that memory does not suffice.
bool says_out_of_memory(const std::exception& error);

}  // namespace goshawk::train
