// The batches that a network with a teacher learns from.
#pragma once

#include <future>
#include <optional>

#include "goshawk/train/loader.h"
#include "goshawk/train/torch/teacher.h"

namespace goshawk::train {

/// The batches of an epoch with what a teacher says of them. It looks at the next one in a thread of its own while the
/// network learns from this one. At its end it waits for what is being looked at.
class TaughtBatches {
 public:
  struct Taken {
    Batch batch;
    std::optional<Taught> taught;  // none without a teacher
  };

  /// `teacher` may be none. Both must outlive it, and are for it alone while it is there.
  TaughtBatches(EpochLoader& loader, Teacher* teacher) : loader_(loader), teacher_(teacher) {}

  /// nullopt after the last. Throws what the loader and the teacher throw. For one thread.
  std::optional<Taken> next();

 private:
  std::optional<Taken> make();

  EpochLoader& loader_;
  Teacher* teacher_;
  std::future<std::optional<Taken>> ahead_;
};

}  // namespace goshawk::train
