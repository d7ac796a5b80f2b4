// Reading on past pictures that cannot be read.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/media/source.h"

namespace goshawk::pipeline {

/// The next frame of `source`. A picture of a folder that is damaged, missing or not readable is noted in `unreadable` and
/// passed over; the only picture of a run, and any other source, is an error. Throws as Source::read.
inline std::optional<Frame> read_next(media::Source& source, const std::stop_token& stop,
                                      std::vector<std::string>& unreadable) {
  const bool many = source.info().images && source.info().frames.value_or(1) > 1;
  for (;;) {
    try {
      return source.read(stop);
    } catch (const Error& error) {
      const bool of_the_picture =
          error.code() == ErrorCode::kBadData || error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kIo;
      if (!many || !of_the_picture) throw;
      unreadable.push_back(error.describe());
    }
  }
}

}  // namespace goshawk::pipeline
