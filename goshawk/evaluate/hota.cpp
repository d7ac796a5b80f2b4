// HOTA: Luiten et al., IJCV 2021. Section 3 defines the scores, 4.3 the matching that is best over the whole sequence.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "goshawk/evaluate/frame_matching.h"
#include "goshawk/evaluate/track_frames.h"

namespace goshawk::evaluate {
namespace {

/// Sum over the columns of one row of a matrix of which only `entries` are not zero, in numpy's order of additions
/// (pairwise, eight sums side by side), so that what is equal there is equal here to the last bit. `entries` lie in the
/// columns [first, first + columns).
double sum_of_row(std::span<const Overlap> entries, std::uint32_t first, std::uint32_t columns) {
  if (columns > 128) {
    const std::uint32_t left = columns / 2 - columns / 2 % 8;
    const auto middle =
        std::ranges::partition_point(entries, [&](const Overlap& entry) { return entry.result < first + left; });
    const auto count = static_cast<std::size_t>(middle - entries.begin());
    return sum_of_row(entries.first(count), first, left) + sum_of_row(entries.subspan(count), first + left, columns - left);
  }
  std::array<double, 8> sums{};
  const std::uint32_t tail = columns < 8 ? 0 : columns - columns % 8;
  std::size_t k = 0;
  for (; k < entries.size() && entries[k].result < first + tail; ++k)
    sums[(entries[k].result - first) % 8] += entries[k].iou;
  double sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  for (; k < entries.size(); ++k) sum += entries[k].iou;
  return sum;
}

/// For each pair of tracks, how well they go together over the whole sequence: the soft count of their matches (an overlap
/// counts less where others overlap too) over the boxes of both (equations 10 and 11 with overlaps in place of matches).
std::vector<double> alignment_of_pairs(const TrackFrames& frames) {
  std::vector<double> matches(frames.pairs().size());
  std::vector<double> result_sums;
  for (std::size_t f = 0; f < frames.size(); ++f) {
    const TrackFrame frame = frames[f];
    const auto columns = static_cast<std::uint32_t>(frame.result.size());
    result_sums.assign(columns, 0);
    for (const auto& overlap : frame.overlaps) result_sums[overlap.result] += overlap.iou;
    for (std::size_t k = 0; k < frame.overlaps.size();) {
      std::size_t end = k;
      while (end < frame.overlaps.size() && frame.overlaps[end].truth == frame.overlaps[k].truth) ++end;
      const double truth_sum = sum_of_row(frame.overlaps.subspan(k, end - k), 0, columns);
      for (; k < end; ++k) {
        const double iou = frame.overlaps[k].iou;
        const double together = result_sums[frame.overlaps[k].result] + truth_sum - iou;
        if (together > kOverlapSlack) matches[frames.pair_of()[frame.first_overlap + k]] += iou / together;
      }
    }
  }
  for (std::size_t p = 0; p < matches.size(); ++p) {
    const auto& [truth, result] = frames.pairs()[p];
    const double boxes = frames.truth_lengths()[truth] + frames.result_lengths()[result];
    matches[p] = matches[p] / (boxes - matches[p]);
  }
  return matches;
}

/// How many thresholds the overlap reaches.
std::size_t thresholds_reached(double iou) {
  auto count = static_cast<std::size_t>(std::clamp(iou * 20, 0.0, static_cast<double>(kHotaThresholds)));
  while (count < kHotaThresholds && iou >= hota_threshold(count) - kOverlapSlack) ++count;
  while (count > 0 && iou < hota_threshold(count - 1) - kOverlapSlack) --count;
  return count;
}

/// What the matches of all frames add up to. By the number of thresholds that a match reaches; the sums over "at least"
/// are taken at the end.
struct Matches {
  explicit Matches(std::size_t pairs) : of_pair(pairs) {}

  void add(std::uint32_t pair, double iou) {
    const std::size_t reached = thresholds_reached(iou);
    if (reached == 0) return;
    ++of_pair[pair][reached - 1];
    ++count[reached - 1];
    overlap_sum[reached - 1] += iou;
  }
  void accumulate() {
    const auto add_up = [](auto& values) {
      for (std::size_t a = kHotaThresholds - 1; a > 0; --a) values[a - 1] += values[a];
    };
    for (auto& counts : of_pair) add_up(counts);
    add_up(count);
    add_up(overlap_sum);
  }

  std::vector<std::array<std::uint32_t, kHotaThresholds>> of_pair;
  std::array<std::int64_t, kHotaThresholds> count{};
  HotaCurve overlap_sum{};
};

Matches match_frames(const TrackFrames& frames) {
  const std::vector<double> alignment = alignment_of_pairs(frames);
  Matches matches(frames.pairs().size());
  FrameMatcher matcher;
  std::vector<Candidate> candidates;
  std::vector<std::size_t> sources;  // overlap of each candidate
  for (std::size_t f = 0; f < frames.size(); ++f) {
    const TrackFrame frame = frames[f];
    candidates.clear();
    sources.clear();
    for (std::size_t k = 0; k < frame.overlaps.size(); ++k) {
      const auto& [truth, result, iou] = frame.overlaps[k];
      const double score = alignment[frames.pair_of()[frame.first_overlap + k]] * iou;
      if (!(score > 0)) continue;
      candidates.push_back({static_cast<int>(truth), static_cast<int>(result), score});
      sources.push_back(k);
    }
    const auto match =
        matcher.match(candidates, static_cast<int>(frame.truth.size()), static_cast<int>(frame.result.size()));
    for (const int candidate : match) {
      if (candidate < 0) continue;
      const std::size_t k = sources[candidate];
      matches.add(frames.pair_of()[frame.first_overlap + k], frame.overlaps[k].iou);
    }
  }
  matches.accumulate();
  return matches;
}

}  // namespace

double mean(const HotaCurve& curve) { return std::accumulate(curve.begin(), curve.end(), 0.0) / kHotaThresholds; }

void finish(HotaScores& scores) {
  const auto ratio = [](std::int64_t part, std::int64_t whole) {
    return static_cast<double>(part) / static_cast<double>(std::max<std::int64_t>(1, whole));
  };
  for (std::size_t a = 0; a < kHotaThresholds; ++a) {
    scores.det_re[a] = ratio(scores.tp[a], scores.tp[a] + scores.fn[a]);
    scores.det_pr[a] = ratio(scores.tp[a], scores.tp[a] + scores.fp[a]);
    scores.det_a[a] = ratio(scores.tp[a], scores.tp[a] + scores.fn[a] + scores.fp[a]);
    scores.hota[a] = std::sqrt(scores.det_a[a] * scores.ass_a[a]);
  }
}

HotaScores hota_scores(const TrackFrames& frames) {
  HotaScores scores;
  scores.loc_a.fill(1);  // where nothing is matched
  const auto truth_boxes = static_cast<std::int64_t>(frames.truth_boxes());
  const auto result_boxes = static_cast<std::int64_t>(frames.result_boxes());
  const Matches matches = match_frames(frames);
  for (std::size_t a = 0; a < kHotaThresholds; ++a) {
    scores.tp[a] = matches.count[a];
    scores.fn[a] = truth_boxes - matches.count[a];
    scores.fp[a] = result_boxes - matches.count[a];
    if (matches.count[a] > 0) scores.loc_a[a] = matches.overlap_sum[a] / static_cast<double>(matches.count[a]);
  }
  for (std::size_t p = 0; p < frames.pairs().size(); ++p) {
    const auto& [truth, result] = frames.pairs()[p];
    const double truth_length = frames.truth_lengths()[truth], result_length = frames.result_lengths()[result];
    for (std::size_t a = 0; a < kHotaThresholds && matches.of_pair[p][a] > 0; ++a) {
      const double count = matches.of_pair[p][a];
      scores.ass_a[a] += count * (count / (truth_length + result_length - count));
      scores.ass_re[a] += count * (count / truth_length);
      scores.ass_pr[a] += count * (count / result_length);
    }
  }
  for (std::size_t a = 0; a < kHotaThresholds; ++a) {
    const auto count = static_cast<double>(std::max<std::int64_t>(1, matches.count[a]));
    scores.ass_a[a] /= count;
    scores.ass_re[a] /= count;
    scores.ass_pr[a] /= count;
  }
  finish(scores);
  return scores;
}

}  // namespace goshawk::evaluate
