#include "goshawk/dataset/near_duplicates.h"

#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <functional>
#include <mutex>
#include <numeric>
#include <set>
#include <tuple>

#include "goshawk/core/error.h"
#include "goshawk/core/parallel.h"
#include "goshawk/dataset/disjoint_sets.h"

namespace goshawk::dataset {
namespace {

constexpr int kBits = 64;

/// Equal hashes as one, with the items that have them, in the order of the first items.
struct Distinct {
  std::vector<std::uint64_t> plain, mirrored;
  std::vector<std::vector<std::uint32_t>> members;  // ascending
};

Distinct distinct_of(std::span<const PictureHash> hashes) {
  std::vector<std::uint32_t> order(hashes.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return hashes[a] < hashes[b]; });
  Distinct distinct;
  for (const std::uint32_t item : order) {
    auto& members = distinct.members;
    if (members.empty() || hashes[members.back().front()] != hashes[item]) members.emplace_back();
    members.back().push_back(item);
  }
  std::ranges::sort(distinct.members, {}, [](const auto& members) { return members.front(); });
  for (const auto& members : distinct.members) {
    distinct.plain.push_back(hashes[members.front()].plain);
    distinct.mirrored.push_back(hashes[members.front()].mirrored);
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

/// Calls `found(query, hash, distance)` for each query and each hash within reach of it, once or several times; where they
/// are the same list (`own`), for hashes before the query alone. What it returns is how far a hash may be from now on to
/// matter to the query.
template <typename Found>
void search(const std::vector<std::uint64_t>& hashes, const std::vector<std::uint64_t>& queries, bool own, int max_distance,
            const std::stop_token& stop, Found found) {
  const Plan plan(max_distance);
  for (const Band band : plan.bands) {
    const Buckets buckets(hashes, band);
    const auto masks = masks_within(band.count, plan.radius);
    for (std::size_t query = 0; query < queries.size(); ++query) {
      if (stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while near duplicates were looked for");
      const std::uint64_t wanted = queries[query];
      int reach = max_distance;
      for (const std::uint32_t mask : masks) {
        for (const std::uint32_t candidate : buckets.of(band.of(wanted) ^ mask)) {
          if (own && candidate >= query) break;
          const int distance = std::popcount(wanted ^ hashes[candidate]);
          if (distance <= reach) reach = std::min(max_distance, found(query, candidate, distance));
        }
      }
    }
  }
}

/// The same as `found(later, earlier, distance)` for each near pair of distinct hashes, as they are or one in a mirror.
template <typename Found>
void for_each_near_pair(const Distinct& distinct, int max_distance, const std::stop_token& stop, Found found) {
  require(max_distance >= 0 && max_distance <= kMostHashDistance, "the distance of hashes is out of range");
  search(distinct.plain, distinct.plain, true, max_distance, stop, found);
  search(distinct.plain, distinct.mirrored, false, max_distance, stop, [&](std::size_t a, std::size_t b, int distance) {
    if (a != b) found(std::max(a, b), std::min(a, b), distance);
    return max_distance;
  });
}

/// An item that another is near to; none at first.
struct Nearest {
  int distance = kBits;
  std::uint32_t item = UINT32_MAX;

  auto operator<=>(const Nearest&) const = default;
  bool exists() const { return item != UINT32_MAX; }
};

constexpr std::size_t kParts = 4;

/// What is known of the items of one hash.
struct Family {
  std::array<std::uint32_t, kParts> first_of{};  // each part
  std::uint32_t parts = 0;                       // a bit for each that has an item, but 0
  Nearest any;                                   // of families before this
  std::array<Nearest, kParts> across;            // the same of other parts than the one
};

Family family_of(const std::vector<std::uint32_t>& members, std::span<const std::uint8_t> parts) {
  Family family;
  for (const std::uint32_t member : members) {
    const std::uint8_t part = parts.empty() ? 0 : parts[member];
    const std::uint32_t bit = 1U << part;
    if (part == 0 || (family.parts & bit) != 0) continue;
    family.parts |= bit;
    family.first_of[part] = member;
  }
  return family;
}

void note_across(Family& family, const Family& before, int distance) {
  for (std::size_t ours = 1; ours < kParts; ++ours) {
    for (std::size_t theirs = 1; theirs < kParts; ++theirs) {
      if (ours == theirs || (before.parts >> theirs & 1U) == 0) continue;
      family.across[ours] = std::min(family.across[ours], {distance, before.first_of[theirs]});
    }
  }
}

/// Adds the pairs of a hash's items.
void add_pairs(const Family& family, const std::vector<std::uint32_t>& members, std::span<const std::uint8_t> parts,
               std::vector<NearPair>& pairs) {
  for (const std::uint32_t member : members) {
    const std::uint8_t part = parts.empty() ? 0 : parts[member];
    Nearest across = part == 0 ? Nearest{} : family.across[part];
    for (std::size_t other = 1; other < kParts && part != 0; ++other) {
      const bool before = (family.parts >> other & 1U) != 0 && family.first_of[other] < member;
      if (other != part && before) across = std::min(across, {0, family.first_of[other]});
    }
    const Nearest any = member == members.front() ? family.any : std::min(family.any, {0, members.front()});
    const Nearest& nearest = across.exists() ? across : any;
    if (nearest.exists()) pairs.push_back({member, nearest.item, nearest.distance, across.exists()});
  }
}

}  // namespace

std::vector<NearPair> nearest_before(std::span<const PictureHash> hashes, int max_distance,
                                     std::span<const std::uint8_t> parts, const std::stop_token& stop) {
  require(parts.empty() || parts.size() == hashes.size(), "nearest_before: a part for each hash");
  require(std::ranges::all_of(parts, [](auto part) { return part < kParts; }), "nearest_before: parts from 0 to 3");
  const Distinct distinct = distinct_of(hashes);
  std::vector<Family> families;
  std::vector<std::uint32_t> firsts;
  std::vector<std::uint8_t> parts_of;  // as Family::parts; these two are read for each pair
  for (const auto& members : distinct.members) {
    families.push_back(family_of(members, parts));
    firsts.push_back(members.front());
    parts_of.push_back(static_cast<std::uint8_t>(families.back().parts));
  }
  const unsigned all = std::accumulate(parts_of.begin(), parts_of.end(), 0U, std::bit_or<>());
  for_each_near_pair(distinct, max_distance, stop, [&](std::size_t later, std::size_t earlier, int distance) {
    Family& family = families[later];
    family.any = std::min(family.any, {distance, firsts[earlier]});
    const unsigned both = family.parts | parts_of[earlier];
    if (std::popcount(both) > 1) note_across(family, families[earlier], distance);
    int reach = family.any.distance;
    for (std::size_t part = 1; part < kParts && std::popcount(all) > 1; ++part) {
      if ((family.parts >> part & 1U) != 0) reach = std::max(reach, family.across[part].distance);
    }
    return reach;
  });
  std::vector<NearPair> pairs;
  for (std::size_t i = 0; i < families.size(); ++i) add_pairs(families[i], distinct.members[i], parts, pairs);
  std::ranges::sort(pairs, {}, [](const NearPair& pair) { return std::tuple(!pair.across, pair.distance, pair.item); });
  return pairs;
}

std::vector<std::uint32_t> near_duplicate_groups(std::span<const PictureHash> hashes, int max_distance,
                                                 const std::stop_token& stop) {
  const Distinct distinct = distinct_of(hashes);
  DisjointSets sets(hashes.size());
  for (const auto& members : distinct.members) {
    for (const std::uint32_t member : members) sets.tie(members.front(), member);
  }
  for_each_near_pair(distinct, max_distance, stop, [&](std::size_t a, std::size_t b, int) {
    sets.tie(distinct.members[a].front(), distinct.members[b].front());
    return max_distance;
  });
  return sets.roots();
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
