#include "goshawk/dataset/near_duplicates.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <numeric>
#include <set>
#include <tuple>

#include "goshawk/core/error.h"
#include "goshawk/core/parallel.h"

namespace goshawk::dataset {
namespace {

constexpr int kBits = 64;

/// Equal hashes as one, with the items that have them.
struct Distinct {
  std::vector<std::uint64_t> hashes;                // ascending
  std::vector<std::vector<std::uint32_t>> members;  // ascending
};

Distinct distinct_of(std::span<const std::uint64_t> hashes) {
  std::vector<std::uint32_t> order(hashes.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return hashes[a] < hashes[b]; });
  Distinct distinct;
  for (const std::uint32_t item : order) {
    if (distinct.hashes.empty() || distinct.hashes.back() != hashes[item]) {
      distinct.hashes.push_back(hashes[item]);
      distinct.members.emplace_back();
    }
    distinct.members.back().push_back(item);
  }
  return distinct;
}

/// A run of bits of a hash.
struct Band {
  int first = 0, count = 0;
  std::uint32_t of(std::uint64_t hash) const {
    return static_cast<std::uint32_t>(hash >> static_cast<unsigned>(first)) & ((1U << static_cast<unsigned>(count)) - 1U);
  }
};

/// Pigeonhole: of `bands` bands, one differs by at most `radius` bits where all together differ by at most
/// bands * (radius + 1) - 1. Bands of nine bits and more keep the buckets small.
struct Plan {
  int radius = 0;
  std::vector<Band> bands;

  explicit Plan(int max_distance) {
    constexpr int kMostBands = 7;
    while (max_distance / (radius + 1) + 1 > kMostBands) ++radius;
    const int count = max_distance / (radius + 1) + 1;
    for (int i = 0; i < count; ++i) {
      const int first = kBits * i / count;
      bands.push_back({first, std::min(kBits * (i + 1) / count, first + 20) - first});
    }
  }
};

/// Items by the value of one band.
class Buckets {
 public:
  Buckets(const std::vector<std::uint64_t>& hashes, Band band) : begin_((1U << static_cast<unsigned>(band.count)) + 1) {
    for (const std::uint64_t hash : hashes) ++begin_[band.of(hash) + 1];
    std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());
    items_.resize(hashes.size());
    auto next = begin_;
    for (std::size_t i = 0; i < hashes.size(); ++i) items_[next[band.of(hashes[i])]++] = static_cast<std::uint32_t>(i);
  }
  std::span<const std::uint32_t> of(std::uint32_t value) const {
    return std::span(items_).subspan(begin_[value], begin_[value + 1] - begin_[value]);
  }

 private:
  std::vector<std::uint32_t> begin_, items_;
};

/// Values that differ from 0 in at most `radius` of `bits` bits.
std::vector<std::uint32_t> masks_within(int bits, int radius) {
  std::vector<std::uint32_t> masks{0};
  for (int round = 0; round < radius; ++round) {
    std::set<std::uint32_t> more(masks.begin(), masks.end());
    for (const std::uint32_t mask : masks) {
      for (int bit = 0; bit < bits; ++bit) more.insert(mask ^ (1U << static_cast<unsigned>(bit)));
    }
    masks.assign(more.begin(), more.end());
  }
  return masks;
}

/// Calls `found(a, b, distance)` once for each near pair of distinct hashes, a < b.
template <typename Found>
void for_each_near_pair(const std::vector<std::uint64_t>& hashes, int max_distance, Found found) {
  const Plan plan(max_distance);
  const auto agrees = [&](const Band& band, std::uint64_t difference) {
    return std::popcount(band.of(difference)) <= plan.radius;
  };
  for (std::size_t number = 0; number < plan.bands.size(); ++number) {
    const Band band = plan.bands[number];
    const Buckets buckets(hashes, band);
    const auto masks = masks_within(band.count, plan.radius);
    for (std::size_t a = 0; a < hashes.size(); ++a) {
      for (const std::uint32_t mask : masks) {
        const auto bucket = buckets.of(band.of(hashes[a]) ^ mask);
        for (auto at = std::upper_bound(bucket.begin(), bucket.end(), a); at != bucket.end(); ++at) {
          const std::uint64_t difference = hashes[a] ^ hashes[*at];
          const int distance = std::popcount(difference);
          if (distance > max_distance) continue;
          const bool before = std::any_of(plan.bands.begin(), plan.bands.begin() + static_cast<std::ptrdiff_t>(number),
                                          [&](const Band& earlier) { return agrees(earlier, difference); });
          if (!before) found(a, *at, distance);
        }
      }
    }
  }
}

/// Keeps the nearest pairs.
class PairList {
 public:
  PairList(std::size_t limit, std::span<const std::uint8_t> parts) : limit_(limit), parts_(parts) {}

  void add(const std::vector<std::uint32_t>& first, const std::vector<std::uint32_t>& second, int distance) {
    const bool same = &first == &second;
    if (same && first.size() == 1) return;
    if (parts_.empty()) {
      add_all(first, second, distance);
    } else {
      const auto ours = by_part(first), theirs = by_part(second);
      for (const auto& [part, items] : ours) {
        for (const auto& [other_part, others] : theirs) {
          if (same ? part < other_part : part != other_part) add_all(items, others, distance);
        }
      }
    }
    if (result_.pairs.size() > 4 * limit_ + 1024) shorten();
  }

  NearPairs take() {
    shorten();
    return std::move(result_);
  }

 private:
  std::map<std::uint8_t, std::vector<std::uint32_t>> by_part(const std::vector<std::uint32_t>& items) const {
    std::map<std::uint8_t, std::vector<std::uint32_t>> parts;
    for (const std::uint32_t item : items) parts[parts_[item]].push_back(item);
    return parts;
  }

  /// Each with each; of one pair of hashes no more than the limit are kept.
  void add_all(const std::vector<std::uint32_t>& first, const std::vector<std::uint32_t>& second, int distance) {
    const bool same = &first == &second;
    const std::uint64_t a_count = first.size(), b_count = second.size();
    result_.total += same ? a_count * (a_count - 1) / 2 : a_count * b_count;
    std::size_t taken = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
      for (std::size_t k = same ? i + 1 : 0; k < second.size(); ++k) {
        if (taken++ == limit_) return;
        result_.pairs.push_back({std::min(first[i], second[k]), std::max(first[i], second[k]), distance});
      }
    }
  }

  void shorten() {
    std::sort(result_.pairs.begin(), result_.pairs.end(), [](const NearPair& x, const NearPair& y) {
      return std::tie(x.distance, x.a, x.b) < std::tie(y.distance, y.a, y.b);
    });
    if (result_.pairs.size() > limit_) result_.pairs.resize(limit_);
  }

  std::size_t limit_;
  std::span<const std::uint8_t> parts_;
  NearPairs result_;
};

void check_distance(int max_distance) {
  require(max_distance >= 0 && max_distance <= kMostHashDistance, "the distance of hashes is out of range");
}

}  // namespace

NearPairs find_near_pairs(std::span<const std::uint64_t> hashes, int max_distance, std::size_t limit,
                          std::span<const std::uint8_t> parts) {
  check_distance(max_distance);
  require(parts.empty() || parts.size() == hashes.size(), "find_near_pairs: a part for each hash");
  const Distinct distinct = distinct_of(hashes);
  PairList list(limit, parts);
  for (const auto& members : distinct.members) list.add(members, members, 0);
  for_each_near_pair(distinct.hashes, max_distance, [&](std::size_t a, std::size_t b, int distance) {
    list.add(distinct.members[a], distinct.members[b], distance);
  });
  return list.take();
}

std::vector<std::uint32_t> near_duplicate_groups(std::span<const std::uint64_t> hashes, int max_distance) {
  check_distance(max_distance);
  const Distinct distinct = distinct_of(hashes);
  std::vector<std::uint32_t> parent(hashes.size());
  std::iota(parent.begin(), parent.end(), 0U);
  const auto root = [&](std::uint32_t item) {
    while (parent[item] != item) item = parent[item] = parent[parent[item]];
    return item;
  };
  const auto tie = [&](std::uint32_t a, std::uint32_t b) {
    a = root(a);
    b = root(b);
    parent[std::max(a, b)] = std::min(a, b);  // the first item stands for the group
  };
  for (const auto& members : distinct.members) {
    for (const std::uint32_t member : members) tie(members.front(), member);
  }
  for_each_near_pair(distinct.hashes, max_distance, [&](std::size_t a, std::size_t b, int) {
    tie(distinct.members[a].front(), distinct.members[b].front());
  });
  for (std::uint32_t i = 0; i < parent.size(); ++i) parent[i] = root(i);
  return parent;
}

HashedImages hash_images(std::span<const std::filesystem::path> images, const ImageReader& read, std::stop_token stop,
                         const std::function<void(std::int64_t done)>& progress) {
  HashedImages result;
  result.hashes.resize(images.size());
  std::mutex mutex;
  std::int64_t done = 0;
  parallel_blocks(images.size(), 8, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      if (stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while the images were looked at");
      std::string problem;
      try {
        result.hashes[i] = perceptual_hash(read(images[i]));
      } catch (const Error& error) {
        problem = error.what();
      }
      const std::lock_guard guard(mutex);
      if (!result.hashes[i]) result.unreadable.emplace_back(static_cast<std::uint32_t>(i), problem);
      if (progress) progress(++done);
    }
  });
  std::sort(result.unreadable.begin(), result.unreadable.end());
  return result;
}

}  // namespace goshawk::dataset
