// Scores of multi-object tracking: HOTA, CLEAR MOT and Identity.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "goshawk/dataset/dataset.h"

namespace goshawk::evaluate {

/// What an object of the ground truth means for the scores.
enum class TruthRole : std::uint8_t {
  kCounts,
  kIgnored,     // left out, before the scores are computed; a result on it is a false positive
  kDistractor,  // left out together with the result that is matched to it (at an overlap of 0.5, over all of a frame's
                // objects)
};

/// An object in one frame, of the ground truth or of a result.
struct TrackedBox {
  std::int64_t frame = 0;  // any number; frames without boxes need not be there
  std::int64_t id = 0;     // unique in its frame
  dataset::Rectangle box;  // pixels; one without area overlaps nothing
  std::uint32_t line = 0;  // of the file, for messages; 0: not known
  TruthRole role = TruthRole::kCounts;
};

struct TrackSequence {
  std::string name = {};
  std::int64_t frames = 0;  // length, with the frames in which nothing is
  std::vector<TrackedBox> truth = {},
                          result = {};            // in any order; of what is equally good, the earlier line of a frame wins
  std::string truth_file = {}, result_file = {};  // for messages
};

/// Overlaps from which HOTA counts a match: 0.05, 0.10, ... 0.95.
inline constexpr std::size_t kHotaThresholds = 19;
using HotaCurve = std::array<double, kHotaThresholds>;
/// The threshold at `index`.
constexpr double hota_threshold(std::size_t index) { return 0.05 + 0.05 * static_cast<double>(index); }
double mean(const HotaCurve& curve);

/// Each by threshold; the figure that is quoted is the mean over the thresholds. All in [0, 1].
/// Source: Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", IJCV 2021.
struct HotaScores {
  HotaCurve hota{}, det_a{}, ass_a{}, det_re{}, det_pr{}, ass_re{}, ass_pr{}, loc_a{};
  std::array<std::int64_t, kHotaThresholds> tp{}, fn{}, fp{};
};

/// Source: Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The CLEAR MOT Metrics", 2008, with
/// an overlap of 0.5; mostly tracked (over 80 % of the frames), partly, mostly lost (under 20 %): Li et al. 2009.
struct ClearScores {
  double mota = 0;  // may be negative
  double motp = 0;  // mean overlap (IoU) of the matches
  double recall = 0, precision = 0;
  std::int64_t tp = 0, fn = 0, fp = 0;
  std::int64_t id_switches = 0, fragments = 0;
  std::int64_t mostly_tracked = 0, partly_tracked = 0, mostly_lost = 0;
  double overlap_sum = 0;  // of the matches
};

/// Source: Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking", 2016.
struct IdentityScores {
  double idf1 = 0, idp = 0, idr = 0;
  std::int64_t tp = 0, fn = 0, fp = 0;
};

struct TrackScores {
  std::string name;
  std::int64_t frames = 0;
  std::int64_t truth_tracks = 0, truth_boxes = 0, result_tracks = 0, result_boxes = 0;  // that count
  HotaScores hota;
  ClearScores clear;
  IdentityScores identity;
};

/// Scores of one sequence, equal to TrackEval's (1.3), ties included; as there, a frame in which the result (or the ground
/// truth) has no box at all ends no match.
/// Throws Error{kBadData} with file and line for an id that occurs twice in a frame or is negative, {kBadData} when
/// more than 50 million pairs of boxes overlap (4 million in one frame), {kInterrupted}.
TrackScores evaluate_tracks(const TrackSequence& sequence, const std::stop_token& stop = {});

/// Of several sequences together: counts are summed, AssA and LocA weighted by the matches (TrackEval's COMBINED).
TrackScores combine_tracks(std::span<const TrackScores> sequences, std::string name = "COMBINED");

}  // namespace goshawk::evaluate
