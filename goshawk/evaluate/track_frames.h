// The boxes of a sequence by frame, with what overlaps what: the form that the tracking scores are computed from.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <stop_token>
#include <vector>

#include "goshawk/evaluate/tracks.h"

namespace goshawk::evaluate {

/// TrackEval lets an overlap pass that is less than its threshold by this much (numpy.finfo('float').eps).
inline constexpr double kOverlapSlack = std::numeric_limits<double>::epsilon();

/// Two boxes of a frame that overlap; numbers within the frame.
struct Overlap {
  std::uint32_t truth, result;
  double iou;  // greater than 0
};

struct TrackFrame {
  std::span<const std::uint32_t> truth, result;  // track numbers, from 0
  std::span<const Overlap> overlaps;             // by truth, then by result
  std::size_t first_overlap = 0;                 // number of overlaps[0] in the sequence
};

/// Owns what it hands out. Track numbers are dense: 0 up to truth_tracks() or result_tracks().
class TrackFrames {
 public:
  /// Leaves out what does not count. Throws as evaluate_tracks does.
  static TrackFrames of(const TrackSequence& sequence, const std::stop_token& stop);

  std::size_t size() const { return places_.size(); }
  TrackFrame operator[](std::size_t index) const;  // frames in which something is, by their number
  std::uint32_t truth_tracks() const { return static_cast<std::uint32_t>(truth_lengths_.size()); }
  std::uint32_t result_tracks() const { return static_cast<std::uint32_t>(result_lengths_.size()); }
  std::span<const std::uint32_t> truth_lengths() const { return truth_lengths_; }  // boxes of each track
  std::span<const std::uint32_t> result_lengths() const { return result_lengths_; }
  std::size_t truth_boxes() const { return truth_.size(); }
  std::size_t result_boxes() const { return result_.size(); }
  std::span<const Overlap> overlaps() const { return overlaps_; }

  /// Pairs of tracks that overlap in some frame: pair_of()[k] is the number of the pair of overlaps()[k].
  struct Pair {
    std::uint32_t truth, result;  // track numbers
  };
  std::span<const std::uint32_t> pair_of() const { return pair_of_; }
  std::span<const Pair> pairs() const { return pairs_; }  // by truth

 private:
  struct Place {
    std::size_t truth, result, overlap;  // where the next frame begins
  };
  void number_pairs();

  std::vector<Place> places_;
  std::vector<std::uint32_t> truth_, result_;
  std::vector<Overlap> overlaps_;
  std::vector<std::uint32_t> truth_lengths_, result_lengths_;
  std::vector<std::uint32_t> pair_of_;
  std::vector<Pair> pairs_;
};

HotaScores hota_scores(const TrackFrames& frames);
ClearScores clear_scores(const TrackFrames& frames);
IdentityScores identity_scores(const TrackFrames& frames);

/// What follows from the counts, for one sequence and for several.
void finish(HotaScores& scores);  // needs tp, fn, fp, ass_a
void finish(ClearScores& scores);
void finish(IdentityScores& scores);

}  // namespace goshawk::evaluate
