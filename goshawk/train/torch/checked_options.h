// Whether what a training is told to do can be done.
#pragma once

#include <cstdint>

#include "goshawk/train/network.h"
#include "goshawk/train/options.h"
#include "goshawk/train/torch/compute.h"
#include "goshawk/train/torch/peers.h"

namespace goshawk::train {

/// Throws Error{kUsage} for options that do not fit the network, one another, or so many processes.
void check_options(const TrainOptions& options, const Network& network, int processes);

/// What a batch of 0 stands for: as many images as memory holds, alike in all processes. `images` of an epoch;
/// `processes_here` share this machine's memory.
int batch_for_all(const TrainOptions& options, const Network& network, std::int64_t images, const Compute& compute,
                  Peers& peers, int processes_here);

}  // namespace goshawk::train
