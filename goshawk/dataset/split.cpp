#include "goshawk/dataset/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <map>
#include <tuple>

#include "goshawk/core/error.h"
#include "goshawk/core/random.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/disjoint_sets.h"
#include "goshawk/dataset/frame_lists.h"
#include "goshawk/dataset/near_duplicates.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;
using std::chrono::microseconds;

constexpr std::array kSplits{Split::kTrain, Split::kVal, Split::kTest};

/// What of a source is kept together: its name and the block's number.
using Unit = std::pair<std::string, std::int64_t>;

std::optional<Unit> unit_of(const Origin& origin, const SplitOptions& options) {
  if (origin.source.empty() || options.by == SplitBy::kImage) return std::nullopt;
  return Unit(origin.source, options.by == SplitBy::kSource ? 0 : origin.time / options.block);
}

/// Hashes that are known, with the images that they belong to and their splits.
struct KnownHashes {
  std::vector<PictureHash> hashes;
  std::vector<std::uint32_t> images;
  std::vector<std::uint8_t> splits;
};

KnownHashes known_of(const Dataset& dataset, const Hashes& hashes) {
  KnownHashes known;
  for (std::uint32_t i = 0; i < hashes.size(); ++i) {
    if (!hashes[i]) continue;
    known.hashes.push_back(*hashes[i]);
    known.images.push_back(i);
    known.splits.push_back(static_cast<std::uint8_t>(dataset.images[i].split));
  }
  return known;
}

/// Iterative stratification, then exchanges of groups while they help. Counts are scaled by the sum of the ratio, so that
/// what a split still wants is a whole number.
class Stratifier {
 public:
  Stratifier(const Dataset& dataset, std::span<const std::uint32_t> groups, const SplitOptions& options)
      : ratio_(options.ratio), random_(options.seed) {
    collect(dataset, groups);
    const std::int64_t all = ratio_[0] + ratio_[1] + ratio_[2];
    scale_ = all;
    const std::size_t classes = dataset.categories.size();
    std::vector<std::int64_t> totals(classes + 1);
    for (const auto& group : groups_) {
      totals[classes] += group.images;
      for (const auto& [category, count] : group.objects) totals[category] += count;
    }
    for (std::size_t s = 0; s < 3; ++s) {
      for (const std::int64_t total : totals) wanted_[s].push_back(total * ratio_[s]);
    }
    totals_ = totals;
    totals.pop_back();
    left_ = totals;
  }

  /// Split of each group, by its number.
  std::map<std::uint32_t, std::size_t> run() {
    check_enough();
    for (std::size_t category = rarest(); category < left_.size(); category = rarest()) {
      std::vector<Group*> with;
      for (auto& group : groups_) {
        if (!group.placed && group.objects.contains(category)) with.push_back(&group);
      }
      std::stable_sort(with.begin(), with.end(),
                       [&](const Group* a, const Group* b) { return a->objects.at(category) > b->objects.at(category); });
      for (Group* group : with) place(*group, category);
    }
    std::vector<Group*> rest;
    for (auto& group : groups_) {
      if (!group.placed) rest.push_back(&group);
    }
    std::stable_sort(rest.begin(), rest.end(), [](const Group* a, const Group* b) { return a->images > b->images; });
    for (Group* group : rest) place(*group, left_.size());
    fill_empty();
    improve();
    std::map<std::uint32_t, std::size_t> result;
    for (const auto& group : groups_) result[group.number] = group.split;
    return result;
  }

 private:
  struct Group {
    std::uint32_t number = 0;
    std::string first_file;
    std::int64_t images = 0;
    std::map<std::size_t, std::int64_t> objects;  // by category
    bool placed = false;
    std::size_t split = 0;
  };

  /// Groups by the names of their images, then in the seed's order: the order of reading plays no part.
  void collect(const Dataset& dataset, std::span<const std::uint32_t> groups) {
    std::map<std::uint32_t, Group> by_number;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      Group& group = by_number[groups[i]];
      group.number = groups[i];
      if (group.images++ == 0 || dataset.images[i].file < group.first_file) group.first_file = dataset.images[i].file;
    }
    for (const auto& annotation : dataset.annotations) ++by_number[groups[annotation.image]].objects[annotation.category];
    for (auto& [number, group] : by_number) groups_.push_back(std::move(group));
    std::sort(groups_.begin(), groups_.end(), [](const Group& a, const Group& b) { return a.first_file < b.first_file; });
    random_.shuffle(groups_);
  }

  void check_enough() const {
    const auto splits = std::count_if(ratio_.begin(), ratio_.end(), [](std::int64_t part) { return part > 0; });
    if (static_cast<std::int64_t>(groups_.size()) >= splits) return;
    throw Error(
        ErrorCode::kBadData,
        fmt::format("the images make {} group{} that must stay together, too few for {} splits", groups_.size(),
                    groups_.size() == 1 ? "" : "s", splits),
        "",
        "Shorter blocks (--block), a smaller --distance or more sources make more groups; --by image where the names "
        "are of photos, not of a video's frames.");
  }

  /// The class with the fewest objects that are not placed; as many as there are classes when all are.
  std::size_t rarest() const {
    std::size_t best = left_.size();
    for (std::size_t i = 0; i < left_.size(); ++i) {
      if (left_[i] > 0 && (best == left_.size() || left_[i] < left_[best])) best = i;
    }
    return best;
  }

  /// To the split that wants most of the class, then most images; one that has all its images waits.
  void place(Group& group, std::size_t category) {
    std::size_t best = 3;
    const auto images = left_.size();
    const auto rank = [&](std::size_t s) {
      const bool has_room = wanted_[s][images] >= group.images * scale_ / 2;
      return std::tuple(has_room, has_room ? wanted_[s][category] : wanted_[s][images], wanted_[s][images]);
    };
    for (std::size_t s = 0; s < 3; ++s) {
      if (ratio_[s] > 0 && (best == 3 || rank(s) > rank(best))) best = s;
    }
    move(group, best);
  }

  void move(Group& group, std::size_t split) {
    const auto images = left_.size();
    if (group.placed) {
      wanted_[group.split][images] += group.images * scale_;
      for (const auto& [category, count] : group.objects) wanted_[group.split][category] += count * scale_;
    } else {
      for (const auto& [category, count] : group.objects) left_[category] -= count;
    }
    group.placed = true;
    group.split = split;
    wanted_[split][images] -= group.images * scale_;
    for (const auto& [category, count] : group.objects) wanted_[split][category] -= count * scale_;
  }

  /// A split that was asked for is never empty: the smallest group of a split with several goes there.
  void fill_empty() {
    for (std::size_t s = 0; s < 3; ++s) {
      std::array<int, 3> counts{};
      for (const auto& group : groups_) ++counts[group.split];
      if (ratio_[s] == 0 || counts[s] > 0) continue;
      Group* smallest = nullptr;
      for (auto& group : groups_) {
        if (counts[group.split] > 1 && (smallest == nullptr || group.images < smallest->images)) smallest = &group;
      }
      if (smallest != nullptr) move(*smallest, s);
    }
  }

  /// Moves groups, one or two at a time, while the splits come nearer to the ratio: what the first choice, which never looks
  /// back, leaves to be mended in small sets.
  void improve() {
    for (auto& group : groups_) ++members_[group.split];
    descend();
    // Few groups leave valleys that no exchange of two leads out of: groups are tossed, and the best is kept.
    constexpr std::size_t kMostTossed = 100;
    for (int round = 0; round < 30 && groups_.size() <= kMostTossed; ++round) {
      const std::int64_t before = whole_misfit();
      std::vector<std::size_t> best;
      for (const auto& group : groups_) best.push_back(group.split);
      for (int k = 0; k < 3; ++k) toss(groups_[random_.below(groups_.size())]);
      descend();
      if (whole_misfit() < before) continue;
      for (std::size_t i = 0; i < groups_.size(); ++i) shift(groups_[i], best[i]);
    }
  }

  void toss(Group& group) {
    const std::size_t to = random_.below(3);
    if (ratio_[to] > 0 && members_[group.split] > 1) shift(group, to);
  }

  std::int64_t whole_misfit() const {
    std::int64_t sum = 0;
    for (std::size_t split = 0; split < 3; ++split) {
      for (std::size_t what = 0; what < totals_.size(); ++what) sum += misfit(split, what);
    }
    return sum;
  }

  void descend() {
    constexpr int kSweeps = 20;
    constexpr std::size_t kMostSwapped = 600;  // groups; pairs of more take too long, and matter less
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      bool better = false;
      for (auto& group : groups_) better |= move_if_better(group);
      for (std::size_t i = 0; groups_.size() <= kMostSwapped && i < groups_.size(); ++i) {
        for (std::size_t k = i + 1; k < groups_.size(); ++k) better |= swap_if_better(groups_[i], groups_[k]);
      }
      if (!better) return;
    }
  }

  /// Chi-squared of the image counts and of each class: squared distance from what is wanted over what is wanted, in
  /// 4096ths. Images weigh as much as several classes.
  std::int64_t misfit(std::size_t split, std::size_t what) const {
    constexpr std::int64_t kUnit = 4096;
    const std::int64_t left = wanted_[split][what], all = totals_[what] * ratio_[split];
    if (all == 0) return 0;
    const std::int64_t weight = what == left_.size() ? std::max<std::int64_t>(4, std::ssize(left_) / 4) : 1;
    return left * kUnit / all * left / scale_ * weight;
  }

  std::int64_t misfit_of(const Group& group, std::size_t split) const {
    std::int64_t sum = misfit(split, left_.size());
    for (const auto& [category, count] : group.objects) sum += misfit(split, category);
    return sum;
  }

  /// How much the misfit grows.
  std::int64_t shift(Group& group, std::size_t to) {
    const std::size_t from = group.split;
    const std::int64_t before = misfit_of(group, from) + misfit_of(group, to);
    move(group, to);
    --members_[from];
    ++members_[to];
    return misfit_of(group, from) + misfit_of(group, to) - before;
  }

  bool move_if_better(Group& group) {
    const std::size_t from = group.split;
    for (std::size_t to = 0; to < 3 && members_[from] > 1; ++to) {
      if (to == from || ratio_[to] == 0) continue;
      if (shift(group, to) < 0) return true;
      shift(group, from);
    }
    return false;
  }

  bool swap_if_better(Group& a, Group& b) {
    const std::size_t to = b.split, from = a.split;
    if (to == from) return false;
    if (shift(a, to) + shift(b, from) < 0) return true;
    shift(b, to);
    shift(a, from);
    return false;
  }

  std::array<std::int64_t, 3> ratio_;
  Random random_;
  std::int64_t scale_ = 1;
  std::vector<Group> groups_;
  std::array<std::vector<std::int64_t>, 3> wanted_;  // by class, then images; times scale_
  std::vector<std::int64_t> left_;                   // objects of each class that are not placed
  std::vector<std::int64_t> totals_;                 // objects of each class, then images
  std::array<std::int64_t, 3> members_{};            // groups of each split, while they are exchanged
};

/// At 25 frames a second; numbers from outside may be anything.
microseconds time_of_frame(std::int64_t frame) {
  return microseconds(std::clamp<std::int64_t>(frame, 0, 1LL << 46) * 40'000);
}

/// What cameras and photo collections begin the names of single pictures with: "IMG_1003", "PXL_20210318_093012345",
/// "2008_001003" (Pascal VOC), "COCO_val2014_000000000042". A video "IMG_1003" has frames "IMG_1003_000001".
bool names_photos(std::string_view source) {
  constexpr std::array<std::string_view, 16> kCameras{
      "CIMG", "COCO_test2014", "COCO_test2015", "COCO_train2014", "COCO_val2014", "DJI", "DSC", "DSCF",
      "DSCN", "GOPR",          "IMG",           "IMGP",           "PICT",         "PXL", "SAM", "_MG"};
  if (source.size() == 4 && all_digits(source) && (source.starts_with("19") || source.starts_with("20"))) return true;
  constexpr std::size_t kDate = 8;
  if (source.size() > kDate + 1 && all_digits(source.substr(source.size() - kDate)) &&
      source[source.size() - kDate - 1] == '_')
    source.remove_suffix(kDate + 1);
  return std::ranges::binary_search(kCameras, source);
}

}  // namespace

const char* name(SplitBy by) {
  switch (by) {
    case SplitBy::kSource:
      return "source";
    case SplitBy::kBlock:
      return "block";
    case SplitBy::kImage:
      return "image";
  }
  return "";
}

std::optional<SplitBy> split_by_of(std::string_view text) {
  for (const auto by : {SplitBy::kSource, SplitBy::kBlock, SplitBy::kImage}) {
    if (text == name(by)) return by;
  }
  return std::nullopt;
}

Origin origin_of_name(const std::string& file) {
  std::string stem = fs::path(file).stem().string();
  const auto copy = stem.rfind(".rf.");
  if (copy != std::string::npos && copy > 0) {  // Roboflow: street_000123_jpg.rf.0123456789abcdef.jpg
    stem.resize(copy);
    for (const char* extension : {"_jpg", "_jpeg", "_png", "_bmp", "_webp"}) {
      if (stem.ends_with(extension)) {
        stem.resize(stem.size() - std::string_view(extension).size());
        break;
      }
    }
  }
  std::size_t digits = 0;
  while (digits < stem.size() && std::isdigit(static_cast<unsigned char>(stem[stem.size() - 1 - digits])) != 0) ++digits;
  const std::size_t line = stem.size() - digits;
  constexpr std::size_t kLeastDigits = 4, kMostDigits = 15;
  if (digits >= kLeastDigits && digits <= kMostDigits && line >= 2 && (stem[line - 1] == '_' || stem[line - 1] == '-') &&
      !names_photos(std::string_view(stem).substr(0, line - 1))) {
    return {stem.substr(0, line - 1), time_of_frame(std::stoll(stem.substr(line)))};
  }
  return copy != std::string::npos ? Origin{stem, microseconds(0)} : Origin{};
}

std::vector<Origin> origins_of(const Dataset& dataset, std::vector<std::string>* notes) {
  FrameLists lists;
  std::vector<Origin> origins;
  for (const auto& image : dataset.images) {
    if (const auto found = lists.find(dataset.path_of(image))) origins.push_back({found->source().name, found->frame->time});
    else if (!image.sequence.empty()) origins.push_back({image.sequence, time_of_frame(image.frame)});
    else origins.push_back(origin_of_name(image.file));
  }
  if (notes != nullptr) notes->insert(notes->end(), lists.problems().begin(), lists.problems().end());
  return origins;
}

std::vector<std::uint32_t> split_groups(const Dataset& dataset, std::span<const Origin> origins, const Hashes& hashes,
                                        const SplitOptions& options, const std::stop_token& stop) {
  require(origins.size() == dataset.images.size() && hashes.size() == origins.size(),
          "split_groups: one of each for an image");
  DisjointSets sets(origins.size());
  std::map<Unit, std::uint32_t> first;
  for (std::uint32_t i = 0; i < origins.size(); ++i) {
    if (const auto unit = unit_of(origins[i], options)) sets.tie(first.emplace(*unit, i).first->second, i);
  }
  if (options.distance >= 0) {
    const KnownHashes known = known_of(dataset, hashes);
    const auto near = near_duplicate_groups(known.hashes, options.distance, stop);
    for (std::size_t i = 0; i < near.size(); ++i) sets.tie(known.images[near[i]], known.images[i]);
  }
  return sets.roots();
}

std::vector<Split> assign_splits(const Dataset& dataset, std::span<const std::uint32_t> groups,
                                 const SplitOptions& options) {
  require(groups.size() == dataset.images.size(), "assign_splits: a group for each image");
  const auto chosen = Stratifier(dataset, groups, options).run();
  std::vector<Split> splits;
  for (const std::uint32_t group : groups) splits.push_back(kSplits[chosen.at(group)]);
  return splits;
}

Leaks find_leaks(const Dataset& dataset, std::span<const Origin> origins, const Hashes& hashes, const SplitOptions& options,
                 std::size_t limit, const std::stop_token& stop) {
  Leaks leaks;
  if (options.distance >= 0) {
    const KnownHashes known = known_of(dataset, hashes);
    for (const auto& pair : nearest_before(known.hashes, options.distance, known.splits, stop)) {
      if (!pair.across) break;  // they come first
      if (leaks.near++ < limit)
        leaks.pairs.push_back({known.images[pair.other], known.images[pair.item], pair.distance, true});
    }
  }
  std::map<Unit, std::vector<std::uint32_t>> units;
  for (std::uint32_t i = 0; i < origins.size(); ++i) {
    if (dataset.images[i].split == Split::kNone) continue;
    if (const auto unit = unit_of(origins[i], options)) units[*unit].push_back(i);
  }
  for (const auto& [unit, images] : units) {
    const auto other = std::find_if(images.begin(), images.end(), [&](std::uint32_t image) {
      return dataset.images[image].split != dataset.images[images.front()].split;
    });
    if (other == images.end() || ++leaks.blocks > limit) continue;
    const std::uint32_t a = images.front();
    const int distance = hashes[a] && hashes[*other] ? hash_distance(*hashes[a], *hashes[*other]) : -1;
    leaks.pairs.push_back({a, *other, distance, false});
  }
  return leaks;
}

}  // namespace goshawk::dataset
