#include "goshawk/train/torch/taught_batches.h"

#include <utility>

namespace goshawk::train {

std::optional<TaughtBatches::Taken> TaughtBatches::make() {
  auto batch = loader_.next();
  if (!batch) return std::nullopt;
  std::optional<Taught> taught;
  if (teacher_ != nullptr) taught = teacher_->look(batch->pixels, batch->size());
  return Taken{std::move(*batch), std::move(taught)};
}

std::optional<TaughtBatches::Taken> TaughtBatches::next() {
  if (teacher_ == nullptr) return make();  // the loader is ahead by itself
  auto taken = ahead_.valid() ? ahead_.get() : make();
  if (taken) ahead_ = std::async(std::launch::async, [this] { return make(); });
  return taken;
}

}  // namespace goshawk::train
