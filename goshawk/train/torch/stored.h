// Tensors of torch as checkpoints hold them.
#pragma once

#include <torch/types.h>

#include <map>
#include <string>

#include "goshawk/train/safetensors.h"

namespace goshawk::train {

/// Sets `tensor` (floats or counters, of any device) to the stored values; its layout in memory stays. Throws
/// Error{kBadData} when there are none of that name, type and shape.
void restore(torch::Tensor tensor, const std::map<std::string, StoredTensor>& from, const std::string& name);

/// All of `tensors` under `prefix` and their names. Copies.
void store_all(std::map<std::string, StoredTensor>& to, const std::string& prefix,
               const std::map<std::string, torch::Tensor>& tensors);
/// The way back, as restore.
void restore_all(const std::map<std::string, torch::Tensor>& tensors, const std::map<std::string, StoredTensor>& from,
                 const std::string& prefix);

}  // namespace goshawk::train
