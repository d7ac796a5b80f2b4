#include "goshawk/train/torch/checked_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "goshawk/core/error.h"

namespace goshawk::train {

void check_options(const TrainOptions& options, const Network& network, int processes) {
  const int stride = size_multiple(network);
  if (options.imgsz % stride != 0) {
    const int near = std::max(stride, (options.imgsz + stride / 2) / stride * stride);
    throw Error(ErrorCode::kUsage, fmt::format("must be a multiple of {}, for instance {}", stride, near), "--imgsz");
  }
  if (options.freeze >= static_cast<int>(network.layers.size()))
    throw Error(ErrorCode::kUsage, fmt::format("the network has {} layers", network.layers.size()), "--freeze");
  if (!options.teacher_classes.empty() && options.teacher.empty())
    throw Error(ErrorCode::kUsage, "there is no teacher to learn them from: name it with --teacher", "--teacher-classes");
  if (options.multi_scale > 0 && options.is_taught())
    throw Error(ErrorCode::kUsage, "a teacher looks at pictures of one size: leave --teacher or --multi-scale out",
                "--teacher");
  if (options.batch % processes != 0) {
    throw Error(ErrorCode::kUsage,
                fmt::format("must be a multiple of the number of processes, which is {}: each takes its share", processes),
                "--batch");
  }
}

int batch_for_all(const TrainOptions& options, const Network& network, std::int64_t images, const Compute& compute,
                  Peers& peers, int processes_here) {
  const int multiple = size_multiple(network);
  const int side = static_cast<int>(options.imgsz * (1 + options.multi_scale)) / multiple * multiple;
  const int most = std::max(1, static_cast<int>(std::min<std::int64_t>(options.nbs, images)) / peers.world());
  // Pictures that are kept decoded come with the first epoch; on a GPU they lie elsewhere.
  const double pictures = static_cast<double>(images) * options.imgsz * options.imgsz * 3;
  const double cache = compute.device.is_cpu() ? std::min(options.cache_gb * 1e9, pictures) : 0;
  const int own = peers.first() ? fitting_batch(network, side, compute, processes_here, most, cache) : 0;
  return static_cast<int>(peers.of_first(std::vector<double>{static_cast<double>(own)})[0]) * peers.world();
}

}  // namespace goshawk::train
