#include "goshawk/evaluate/track_frames.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/evaluate/frame_matching.h"

namespace goshawk::evaluate {
namespace {

constexpr std::size_t kMostOverlaps = 50'000'000, kMostOverlapsOfFrame = 4'000'000;

/// Numbers of the boxes by rising key, equal keys in their order. Keys in a narrow range are counted, not compared.
template <typename Key>
std::vector<std::uint32_t> order_by(std::span<const TrackedBox> boxes, Key key) {
  std::vector<std::uint32_t> order(boxes.size());
  if (boxes.empty()) return order;
  const auto [least, greatest] = std::ranges::minmax(boxes, {}, key);
  const auto range = static_cast<std::uint64_t>(key(greatest)) - static_cast<std::uint64_t>(key(least));
  if (range > 8 * boxes.size() + 1024) {
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::sort(order, {}, [&](std::uint32_t i) { return std::pair(key(boxes[i]), i); });
    return order;
  }
  std::vector<std::uint32_t> begin(range + 2);
  for (const auto& box : boxes) ++begin[key(box) - key(least) + 1];
  for (std::size_t k = 1; k < begin.size(); ++k) begin[k] += begin[k - 1];
  for (std::uint32_t i = 0; i < boxes.size(); ++i) order[begin[key(boxes[i]) - key(least)]++] = i;
  return order;
}

/// A side of the sequence: its boxes by frame, and tracks with numbers from 0.
struct Side {
  explicit Side(std::span<const TrackedBox> all)
      : boxes(all), order(order_by(all, [](const TrackedBox& box) { return box.frame; })), track(all.size()) {
    const auto by_id = order_by(all, [](const TrackedBox& box) { return box.id; });
    for (std::size_t k = 0; k < by_id.size(); ++k) {
      if (k == 0 || all[by_id[k]].id != all[by_id[k - 1]].id) ++tracks;
      track[by_id[k]] = tracks - 1;
    }
    last_frame.assign(tracks, -1);
  }

  bool at_end() const { return begin == order.size(); }
  std::int64_t next_frame() const { return boxes[order[begin]].frame; }

  /// Moves on to `frame`: [begin, end) of `order`.
  void go_to(std::int64_t frame) {
    begin = end;
    while (end < order.size() && boxes[order[end]].frame == frame) ++end;
  }

  void check_ids(const std::string& file, std::int64_t frame_number) {
    for (std::size_t k = begin; k < end; ++k) {
      const auto& box = boxes[order[k]];
      const std::string where = box.line > 0 ? fmt::format("{}:{}", file, box.line) : file;
      if (box.id < 0) {
        throw Error(ErrorCode::kBadData, fmt::format("an identity may not be negative: {}", box.id), where,
                    "Detections without identities (id -1) have to go through a tracker first.");
      }
      if (last_frame[track[order[k]]] == frame_number) {
        throw Error(ErrorCode::kBadData, fmt::format("id {} is there twice in frame {}", box.id, box.frame), where);
      }
      last_frame[track[order[k]]] = frame_number;
    }
  }

  std::span<const TrackedBox> boxes;
  std::vector<std::uint32_t> order, track;
  std::uint32_t tracks = 0;
  std::size_t begin = 0, end = 0;
  std::vector<std::int64_t> last_frame;  // in which the track was, as the running number of the frame
};

/// Corners of a frame's boxes.
struct Corners {
  double x1, y1, x2, y2, area;
  std::uint32_t number;
};

std::vector<Corners>& corners_of(const Side& side, std::vector<Corners>& corners) {
  corners.clear();
  for (std::size_t k = side.begin; k < side.end; ++k) {
    const auto& box = side.boxes[side.order[k]].box;
    const double x2 = box.x + box.width, y2 = box.y + box.height;
    corners.push_back({box.x, box.y, x2, y2, (x2 - box.x) * (y2 - box.y), static_cast<std::uint32_t>(k - side.begin)});
  }
  return corners;
}

class OverlapFinder {
 public:
  /// Appends the overlaps of the sides' present frames to `overlaps`.
  void find(const Side& truth, const Side& result, std::vector<Overlap>& overlaps) {
    const std::size_t before = overlaps.size();
    corners_of(truth, truth_);
    corners_of(result, result_);
    std::ranges::sort(result_, {}, [](const Corners& box) { return std::pair(box.x1, box.number); });
    double widest = 0;
    for (const auto& box : result_) widest = std::max(widest, box.x2 - box.x1);
    for (const auto& box : truth_) {
      const std::size_t first = overlaps.size();
      // A little more than the widest box, so that rounding leaves nobody out.
      auto other = std::ranges::lower_bound(result_, box.x1 - widest * (1 + 1e-9) - 1e-3, {}, &Corners::x1);
      for (; other != result_.end() && other->x1 < box.x2; ++other) {
        const double iou = overlap(box, *other);
        if (iou > 0) overlaps.push_back({box.number, other->number, iou});
      }
      const std::span<Overlap> found = std::span(overlaps).subspan(first);
      if (!std::ranges::is_sorted(found, {}, &Overlap::result)) std::ranges::sort(found, {}, &Overlap::result);
      if (overlaps.size() - before > kMostOverlapsOfFrame || overlaps.size() > kMostOverlaps) {
        throw Error(ErrorCode::kBadData,
                    fmt::format("too many pairs of boxes overlap: more than {} in a frame, or {} in all",
                                kMostOverlapsOfFrame, kMostOverlaps));
      }
    }
  }

 private:
  // In TrackEval's order of operations, so that equal overlaps are equal to the last bit.
  static double overlap(const Corners& a, const Corners& b) {
    const double width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1), height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
    if (width <= 0 || height <= 0 || a.area <= kOverlapSlack || b.area <= kOverlapSlack) return 0;
    const double intersection = width * height, together = a.area + b.area - intersection;
    return together <= kOverlapSlack ? 0 : intersection / together;
  }

  std::vector<Corners> truth_, result_;
};

/// Which boxes of the present frames count.
class Filter {
 public:
  void apply(const Side& truth, const Side& result, std::span<const Overlap> overlaps) {
    truth_number.assign(truth.end - truth.begin, 0);
    result_number.assign(result.end - result.begin, 0);
    bool distractors = false;
    for (std::size_t k = 0; k < truth_number.size(); ++k) {
      const TruthRole role = truth.boxes[truth.order[truth.begin + k]].role;
      if (role != TruthRole::kCounts) truth_number[k] = kOut;
      distractors |= role == TruthRole::kDistractor;
    }
    if (distractors) drop_on_distractors(truth, overlaps);
    count(truth_number);
    count(result_number);
  }

  static constexpr std::uint32_t kOut = UINT32_MAX;
  std::vector<std::uint32_t> truth_number, result_number;  // among those that count, or kOut

 private:
  void drop_on_distractors(const Side& truth, std::span<const Overlap> overlaps) {
    candidates_.clear();
    for (const auto& [t, r, iou] : overlaps) {
      if (iou >= 0.5 - kOverlapSlack) candidates_.push_back({static_cast<int>(t), static_cast<int>(r), iou});
    }
    const auto match =
        matcher_.match(candidates_, static_cast<int>(truth_number.size()), static_cast<int>(result_number.size()));
    for (std::size_t k = 0; k < match.size(); ++k) {
      if (match[k] < 0 || truth.boxes[truth.order[truth.begin + k]].role != TruthRole::kDistractor) continue;
      result_number[candidates_[match[k]].col] = kOut;
    }
  }

  static void count(std::vector<std::uint32_t>& numbers) {
    std::uint32_t next = 0;
    for (auto& number : numbers) {
      if (number != kOut) number = next++;
    }
  }

  FrameMatcher matcher_;
  std::vector<Candidate> candidates_;
};

/// Appends the tracks of the boxes that count.
void append_tracks(const Side& side, std::span<const std::uint32_t> numbers, std::vector<std::uint32_t>& tracks) {
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    if (numbers[k] != Filter::kOut) tracks.push_back(side.track[side.order[side.begin + k]]);
  }
}

/// Gives those tracks that are left numbers without gaps, and counts their boxes.
std::vector<std::uint32_t> close_gaps(std::vector<std::uint32_t>& tracks, std::uint32_t count) {
  std::vector<std::uint32_t> boxes(count), number(count), lengths;
  for (const std::uint32_t track : tracks) ++boxes[track];
  for (std::uint32_t track = 0; track < count; ++track) {
    number[track] = static_cast<std::uint32_t>(lengths.size());
    if (boxes[track] > 0) lengths.push_back(boxes[track]);
  }
  for (auto& track : tracks) track = number[track];
  return lengths;
}

/// Numbers of the items by their owner (less than `owners`), those of one owner in their order.
std::vector<std::uint32_t> order_by_owner(std::span<const std::uint32_t> owner, std::size_t owners) {
  std::vector<std::uint32_t> begin(owners), order(owner.size());
  for (const std::uint32_t o : owner) ++begin[o];
  std::exclusive_scan(begin.begin(), begin.end(), begin.begin(), 0U);
  for (std::uint32_t k = 0; k < owner.size(); ++k) order[begin[owner[k]]++] = k;
  return order;
}

}  // namespace

TrackFrames TrackFrames::of(const TrackSequence& sequence, const std::stop_token& stop) {
  Side truth(sequence.truth), result(sequence.result);
  TrackFrames frames;
  OverlapFinder finder;
  Filter filter;
  for (std::int64_t number = 0; truth.end < truth.order.size() || result.end < result.order.size(); ++number) {
    if (stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "interrupted");
    truth.begin = truth.end;
    result.begin = result.end;
    const std::int64_t frame = truth.at_end()    ? result.next_frame()
                               : result.at_end() ? truth.next_frame()
                                                 : std::min(truth.next_frame(), result.next_frame());
    truth.go_to(frame);
    result.go_to(frame);
    truth.check_ids(sequence.truth_file, number);
    result.check_ids(sequence.result_file, number);

    const std::size_t first = frames.overlaps_.size();
    frames.places_.push_back({frames.truth_.size(), frames.result_.size(), first});
    finder.find(truth, result, frames.overlaps_);
    filter.apply(truth, result, std::span(frames.overlaps_).subspan(first));
    append_tracks(truth, filter.truth_number, frames.truth_);
    append_tracks(result, filter.result_number, frames.result_);
    std::size_t kept = first;
    for (std::size_t k = first; k < frames.overlaps_.size(); ++k) {
      Overlap overlap = frames.overlaps_[k];
      overlap.truth = filter.truth_number[overlap.truth];
      overlap.result = filter.result_number[overlap.result];
      if (overlap.truth != Filter::kOut && overlap.result != Filter::kOut) frames.overlaps_[kept++] = overlap;
    }
    frames.overlaps_.resize(kept);
  }
  frames.truth_lengths_ = close_gaps(frames.truth_, truth.tracks);
  frames.result_lengths_ = close_gaps(frames.result_, result.tracks);
  frames.number_pairs();
  return frames;
}

TrackFrame TrackFrames::operator[](std::size_t index) const {
  const Place& begin = places_[index];
  const Place end = index + 1 < places_.size() ? places_[index + 1] : Place{truth_.size(), result_.size(), overlaps_.size()};
  return {std::span(truth_).subspan(begin.truth, end.truth - begin.truth),
          std::span(result_).subspan(begin.result, end.result - begin.result),
          std::span(overlaps_).subspan(begin.overlap, end.overlap - begin.overlap), begin.overlap};
}

// In time that is linear in the overlaps, without a table of all pairs: overlaps are sorted by the truth's track by
// counting, and each track's partners find their number in a list with one place a result track.
void TrackFrames::number_pairs() {
  std::vector<std::uint32_t> owner(overlaps_.size()), partner(overlaps_.size());
  for (std::size_t f = 0; f < size(); ++f) {
    const TrackFrame frame = (*this)[f];
    for (std::size_t k = 0; k < frame.overlaps.size(); ++k) {
      owner[frame.first_overlap + k] = frame.truth[frame.overlaps[k].truth];
      partner[frame.first_overlap + k] = frame.result[frame.overlaps[k].result];
    }
  }
  pair_of_.resize(overlaps_.size());
  constexpr std::uint32_t kNone = UINT32_MAX;
  std::vector<std::uint32_t> number(result_lengths_.size()), seen_by(result_lengths_.size(), kNone);
  for (const std::uint32_t k : order_by_owner(owner, truth_lengths_.size())) {
    const std::uint32_t result = partner[k];
    if (seen_by[result] != owner[k]) {
      seen_by[result] = owner[k];
      number[result] = static_cast<std::uint32_t>(pairs_.size());
      pairs_.push_back({owner[k], result});
    }
    pair_of_[k] = number[result];
  }
}

}  // namespace goshawk::evaluate
