// Where a training stands, in a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "goshawk/train/network.h"
#include "goshawk/train/options.h"
#include "goshawk/train/safetensors.h"
#include "goshawk/train/standing.h"

namespace goshawk::train {

/// Everything from which a training goes on as if it had never stopped. Written at the end of an epoch.
struct Checkpoint {
  TrainOptions options;
  std::vector<std::string> classes;
  std::string network;      // description_text of the network
  std::string fingerprint;  // of the training set
  Standing standing;
  std::int64_t optimizer_steps = 0;
  std::int64_t average_updates = 0;
  double loss_scale = 65536;    // of float16
  std::int64_t good_steps = 0;  // with it
  // "model.NAME", "ema.NAME", "optimizer.NAME"
  std::map<std::string, StoredTensor> tensors;
};

/// The network as text: two networks are the same when their texts are.
std::string description_text(const Network& network);

/// A safetensors file in whose checksum all of this is included. Atomic: an earlier file stays when the disk is full.
/// Throws Error{kIo}.
void write_checkpoint(const std::filesystem::path& path, Checkpoint checkpoint);
/// Throws Error{kNotFound}, {kBadData} for a damaged file, one of another program or of a newer version.
Checkpoint read_checkpoint(const std::filesystem::path& path);

}  // namespace goshawk::train
