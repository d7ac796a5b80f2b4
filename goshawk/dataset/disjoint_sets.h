// Items that are tied together, by pairs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace goshawk::dataset {

/// Union-find over the items 0..count - 1. The least item of a set stands for it.
class DisjointSets {
 public:
  explicit DisjointSets(std::size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), 0U); }
  std::uint32_t root(std::uint32_t item) {
    while (parent_[item] != item) item = parent_[item] = parent_[parent_[item]];
    return item;
  }
  void tie(std::uint32_t a, std::uint32_t b) {
    a = root(a);
    b = root(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }
  /// Of each item, the one that stands for its set.
  std::vector<std::uint32_t> roots() {
    for (std::uint32_t i = 0; i < parent_.size(); ++i) parent_[i] = root(i);
    return parent_;
  }

 private:
  std::vector<std::uint32_t> parent_;
};

}  // namespace goshawk::dataset
