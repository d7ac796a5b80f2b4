// A slowly following copy of a network.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "goshawk/train/torch/modules.h"

namespace goshawk::train {

/// Exponential moving average of all parameters and floating-point buffers. The share of the old value rises from 0 to
/// 0.9999 with the number of updates (as 1 - exp(-updates / 2000)). Not thread-safe.
class MovingAverage {
 public:
  explicit MovingAverage(const DetectionNetwork& network);
  void update(const DetectionNetwork& network);
  DetectionNetwork& network() { return *average_; }
  const DetectionNetwork& network() const { return *average_; }
  std::int64_t updates() const { return updates_; }
  void set_updates(std::int64_t updates) { updates_ = updates; }

 private:
  std::shared_ptr<DetectionNetwork> average_;
  std::int64_t updates_ = 0;
};

/// Every parameter and buffer by name, sharing memory with `network`.
std::map<std::string, torch::Tensor> tensors_of(const DetectionNetwork& network);

/// Copies the values of all parameters and buffers.
void copy_values(const DetectionNetwork& from, DetectionNetwork& to);

/// Lays the weights of convolutions out as the fast kernels of the CPU want them (channels last); values stay.
void use_channels_last(DetectionNetwork& network);

}  // namespace goshawk::train
