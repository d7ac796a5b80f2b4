// Random numbers that are the same on every machine and with every standard library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "goshawk/core/error.h"

namespace goshawk {

/// SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014). Integers only, so that a seed
/// gives the same choice everywhere. For choosing, not for secrets. Not thread-safe.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
  }

  /// Uniform in [0, bound): numbers that would favour some are drawn again. `bound` > 0.
  std::uint64_t below(std::uint64_t bound) {
    require(bound > 0, "Random::below needs a bound");
    const std::uint64_t refused = (0 - bound) % bound;  // 2^64 modulo bound
    for (;;) {
      if (const std::uint64_t drawn = next(); drawn >= refused) return drawn % bound;
    }
  }

  /// Fisher-Yates; every order is equally likely.
  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t left = items.size(); left > 1; --left) {
      std::swap(items[left - 1], items[static_cast<std::size_t>(below(left))]);
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace goshawk
