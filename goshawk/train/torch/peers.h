// The processes that train one network together, and what they tell one another.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "goshawk/train/membership.h"

namespace goshawk::train {

/// This process among its peers. Every function but the plain questions is a meeting: each process calls the same ones in
/// the same order, and goes on when all have come. Alone, they return at once. They throw Error{kUnavailable} when a peer
/// has gone. Results are the same bits in every process. Source of the protocol: torch's c10d, gloo between CPUs, NCCL
/// between GPUs. One thread at a time.
class Peers {
 public:
  /// Alone.
  Peers();
  /// Waits until all have come. `device`: where the tensors lie that `sum` is given. With GPUs and a build without NCCL
  /// gradients travel over the CPU. Throws Error{kUnavailable} where process 0 cannot be reached in 5 minutes.
  Peers(const Membership& self, const torch::Device& device);
  ~Peers();
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;

  int rank() const { return self_.rank; }
  int world() const { return self_.world; }
  bool first() const { return self_.first(); }
  bool alone() const { return self_.alone(); }

  /// Sets each tensor (of one type) to the sum of all processes' tensors.
  void sum(const std::vector<torch::Tensor>& tensors);
  std::vector<double> sum(std::vector<double> values);
  double sum(double value) { return alone() ? value : sum(std::vector<double>{value})[0]; }
  bool any(bool value) { return alone() ? value : sum(value ? 1.0 : 0.0) > 0; }
  /// What process 0 gave; the others' values only say how many there are.
  std::vector<double> of_first(std::vector<double> values);
  std::string of_first(const std::string& text);

  /// Whether this build holds NCCL.
  static bool has_nccl();

 private:
  struct Group;
  void meet(torch::Tensor& flat, bool add);

  Membership self_;
  std::unique_ptr<Group> group_;
};

}  // namespace goshawk::train
