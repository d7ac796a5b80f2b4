// CLEAR MOT: Bernardin and Stiefelhagen 2008, section 2.1: matches of the frame before are kept where they still hold, then
// as many boxes as possible are matched with the greatest sum of overlaps.
#include <algorithm>

#include "goshawk/evaluate/frame_matching.h"
#include "goshawk/evaluate/track_frames.h"

namespace goshawk::evaluate {
namespace {

constexpr std::uint32_t kNone = UINT32_MAX;
constexpr double kThreshold = 0.5 - kOverlapSlack;
// What continuing a match is worth, in overlaps: more than any frame's sum of them.
constexpr double kContinued = 1000;

/// What is known of each track of the ground truth.
struct TruthTrack {
  std::uint32_t last_match = kNone;     // of any frame before
  std::uint32_t present_match = kNone;  // of the last frame in which both sides had boxes
  std::uint64_t last_frame = 0;         // in which it was matched
  std::uint32_t matched = 0;            // frames
  std::uint32_t pieces = 0;             // stretches of frames in which it is matched
};

class Clear {
 public:
  explicit Clear(std::uint32_t tracks) : tracks_(tracks) {}

  void add(const TrackFrame& frame) {
    scores_.fn += static_cast<std::int64_t>(frame.truth.size());
    scores_.fp += static_cast<std::int64_t>(frame.result.size());
    if (frame.truth.empty() || frame.result.empty()) return;  // matches last over such frames, as in TrackEval
    candidates_.clear();
    overlaps_.clear();
    for (const auto& [truth, result, iou] : frame.overlaps) {
      if (iou < kThreshold) continue;
      const bool continued = tracks_[frame.truth[truth]].present_match == frame.result[result];
      candidates_.push_back({static_cast<int>(truth), static_cast<int>(result), (continued ? kContinued : 0) + iou});
      overlaps_.push_back(iou);
    }
    const auto match =
        matcher_.match(candidates_, static_cast<int>(frame.truth.size()), static_cast<int>(frame.result.size()));
    ++frame_;
    was_matched_.swap(is_matched_);
    is_matched_.clear();
    for (std::size_t k = 0; k < match.size(); ++k) {
      if (match[k] >= 0) take(frame.truth[k], frame.result[candidates_[match[k]].col], overlaps_[match[k]]);
    }
    for (const std::uint32_t track : was_matched_) {
      if (tracks_[track].last_frame != frame_) tracks_[track].present_match = kNone;
    }
  }

  ClearScores scores(std::span<const std::uint32_t> lengths) {
    for (std::size_t t = 0; t < tracks_.size(); ++t) {
      const double ratio = static_cast<double>(tracks_[t].matched) / lengths[t];
      ++(ratio > 0.8 ? scores_.mostly_tracked : ratio >= 0.2 ? scores_.partly_tracked : scores_.mostly_lost);
      if (tracks_[t].pieces > 0) scores_.fragments += tracks_[t].pieces - 1;
    }
    finish(scores_);
    return scores_;
  }

 private:
  void take(std::uint32_t truth, std::uint32_t result, double iou) {
    TruthTrack& track = tracks_[truth];
    ++scores_.tp;
    --scores_.fn;
    --scores_.fp;
    scores_.overlap_sum += iou;
    if (track.last_match != kNone && track.last_match != result) ++scores_.id_switches;
    if (track.present_match == kNone) ++track.pieces;
    ++track.matched;
    track.last_match = track.present_match = result;
    track.last_frame = frame_;
    is_matched_.push_back(truth);
  }

  std::vector<TruthTrack> tracks_;
  std::uint64_t frame_ = 0;
  std::vector<std::uint32_t> is_matched_, was_matched_;  // tracks of the ground truth in this frame and the one before
  std::vector<Candidate> candidates_;
  std::vector<double> overlaps_;
  FrameMatcher matcher_;
  ClearScores scores_;
};

}  // namespace

void finish(ClearScores& scores) {
  const auto over = [](std::int64_t whole) { return static_cast<double>(std::max<std::int64_t>(1, whole)); };
  scores.mota = static_cast<double>(scores.tp - scores.fp - scores.id_switches) / over(scores.tp + scores.fn);
  scores.motp = scores.overlap_sum / over(scores.tp);
  scores.recall = static_cast<double>(scores.tp) / over(scores.tp + scores.fn);
  scores.precision = static_cast<double>(scores.tp) / over(scores.tp + scores.fp);
}

ClearScores clear_scores(const TrackFrames& frames) {
  Clear clear(frames.truth_tracks());
  for (std::size_t f = 0; f < frames.size(); ++f) clear.add(frames[f]);
  ClearScores scores = clear.scores(frames.truth_lengths());
  if (frames.truth_boxes() == 0) scores.mota = 0;  // not the number of false positives, as TrackEval has it for one sequence
  return scores;
}

}  // namespace goshawk::evaluate
