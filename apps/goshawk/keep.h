// Objects that live as long as the process.
#pragma once

#include <memory>

namespace goshawk::cli {

/// Gives `object` to the process, which ends with it: `main` leaves by `_exit`, and the system takes memory and threads back
/// at once. Taking a loaded model down piece by piece is time that a command on one image would feel. Only for what has
/// nothing left to write.
template <typename T>
T& keep_to_the_end(std::unique_ptr<T> object) {
  return *object.release();
}

}  // namespace goshawk::cli
