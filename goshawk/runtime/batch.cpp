#include "goshawk/runtime/batch.h"

#include <algorithm>
#include <cmath>
#include <fstream>

#include "goshawk/core/error.h"
#include "goshawk/core/memory.h"
#include "goshawk/runtime/memory.h"

namespace goshawk::runtime {
namespace {

bool on_gpu(const Session& session) { return is_gpu(session.device().kind); }

/// Makes the peak of the resident memory start again from what is resident now (proc(5), clear_refs 5).
void restart_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

std::uint64_t used_bytes(const Session& session) {
  if (!on_gpu(session)) return process_memory().peak_resident;
  const auto card = gpu(session.device().index);
  return card ? card->total_bytes - card->free_bytes : 0;
}

std::uint64_t free_bytes(const Session& session) {
  if (!on_gpu(session)) return available_memory();
  const auto card = gpu(session.device().index);
  return card ? card->free_bytes : 0;
}

std::vector<std::int64_t> shape_of_items(const Session& session, const BatchOptions& options, std::size_t input, int items) {
  const auto& shapes = options.shapes;
  auto shape = input < shapes.size() ? shapes[input] : session.inputs()[input].shape;
  if (!shape.empty() && (session.inputs()[input].shape[0] < 0)) shape[0] = items;
  if (std::any_of(shape.begin(), shape.end(), [](auto dimension) { return dimension < 0; })) {
    throw Error(
        ErrorCode::kBadConfig,
        "the batch size cannot be measured: the model's input '" + session.inputs()[input].name + "' has no fixed size",
        "--batch", "Give a number, or an input size");
  }
  return shape;
}

/// Bytes of the inputs and outputs of one call with this many items.
std::uint64_t run_zeros(Session& session, const BatchOptions& options, int items) {
  std::vector<std::vector<float>> zeros;
  std::vector<TensorView> views;
  std::uint64_t values = 0;
  for (std::size_t i = 0; i < session.inputs().size(); ++i) {
    auto shape = shape_of_items(session, options, i, items);
    std::size_t count = 1;
    for (const auto dimension : shape) count *= static_cast<std::size_t>(dimension);
    zeros.emplace_back(count, 0.0F);
    views.push_back({zeros.back(), std::move(shape)});
    values += count;
  }
  for (const auto& output : session.run(views)) values += output.size();
  return values * sizeof(float);
}

}  // namespace

int batch_for_memory(const BatchMemory& memory, const BatchOptions& options) {
  const auto usable = static_cast<double>(memory.free_bytes) * std::clamp(options.fraction, 0.0, 1.0);
  const double items = usable / static_cast<double>(std::max<std::uint64_t>(memory.bytes_per_item, 1));
  return static_cast<int>(std::clamp(std::floor(items), 1.0, std::max(1.0, static_cast<double>(options.most))));
}

BatchMemory measure_batch_memory(Session& session, const BatchOptions& options) {
  run_zeros(session, options, 1);
  restart_peak();
  const std::uint64_t one = used_bytes(session);
  const std::uint64_t tensors = run_zeros(session, options, 2) / 2;
  const std::uint64_t two = used_bytes(session);
  return {std::max(two > one ? two - one : 0, tensors), free_bytes(session)};
}

int choose_batch(Session& session, const BatchOptions& options) {
  const bool fixed = std::none_of(session.inputs().begin(), session.inputs().end(),
                                  [](const TensorInfo& input) { return !input.shape.empty() && input.shape[0] < 0; });
  if (fixed) {
    const bool scalar = session.inputs().empty() || session.inputs()[0].shape.empty();
    return scalar ? 1 : static_cast<int>(session.inputs()[0].shape[0]);
  }
  return batch_for_memory(measure_batch_memory(session, options), options);
}

}  // namespace goshawk::runtime
