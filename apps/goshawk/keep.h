// Objects that live as long as the process.
#pragma once

#include <memory>

namespace goshawk::cli {

/// Gives `object` to the process, which ends with it: `main` leaves by `_exit`, and the system takes memory and threads back
/// at once. Taking a loaded model down piece by piece would take some 75 ms of a command that may last 300. Only for what
/// has nothing left to write.
template <typename T>
T& keep_to_the_end(std::unique_ptr<T> object) {
  return *object.release();
}

}  // namespace goshawk::cli
