// Values to run a network on where nobody looks at the answer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "goshawk/runtime/session.h"

namespace goshawk::runtime {

/// Inputs of fixed shapes: floats uniform in [0, 1), the same each time; zeros for anything else. Owns what `views` show.
class RandomInputs {
 public:
  /// `shapes`: one an input of `inputs`. Throws Error{kBadConfig} for an open dimension, and for more than 2^28 values.
  RandomInputs(std::span<const TensorInfo> inputs, const std::vector<std::vector<std::int64_t>>& shapes);
  std::span<const TensorView> views() const { return views_; }

 private:
  std::vector<std::vector<float>> values_;
  std::vector<TensorView> views_;
};

}  // namespace goshawk::runtime
