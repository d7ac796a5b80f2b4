#include "goshawk/evaluate/tracks.h"

#include "goshawk/evaluate/track_frames.h"

namespace goshawk::evaluate {

TrackScores evaluate_tracks(const TrackSequence& sequence, const std::stop_token& stop) {
  const TrackFrames frames = TrackFrames::of(sequence, stop);
  TrackScores scores;
  scores.name = sequence.name;
  scores.frames = sequence.frames;
  scores.truth_tracks = frames.truth_tracks();
  scores.truth_boxes = static_cast<std::int64_t>(frames.truth_boxes());
  scores.result_tracks = frames.result_tracks();
  scores.result_boxes = static_cast<std::int64_t>(frames.result_boxes());
  scores.hota = hota_scores(frames);
  scores.clear = clear_scores(frames);
  scores.identity = identity_scores(frames);
  return scores;
}

namespace {

void add(HotaScores& sum, const HotaScores& scores) {
  for (std::size_t a = 0; a < kHotaThresholds; ++a) {
    const auto weight = static_cast<double>(scores.tp[a]);
    sum.tp[a] += scores.tp[a];
    sum.fn[a] += scores.fn[a];
    sum.fp[a] += scores.fp[a];
    sum.ass_a[a] += weight * scores.ass_a[a];
    sum.ass_re[a] += weight * scores.ass_re[a];
    sum.ass_pr[a] += weight * scores.ass_pr[a];
    sum.loc_a[a] += weight * scores.loc_a[a];
  }
}

void divide(HotaScores& sum) {
  for (std::size_t a = 0; a < kHotaThresholds; ++a) {
    const auto matches = static_cast<double>(sum.tp[a]);
    sum.loc_a[a] = sum.tp[a] > 0 ? sum.loc_a[a] / matches : 1;
    for (HotaCurve* curve : {&sum.ass_a, &sum.ass_re, &sum.ass_pr}) (*curve)[a] /= sum.tp[a] > 0 ? matches : 1;
  }
}

void add(ClearScores& sum, const ClearScores& scores) {
  sum.tp += scores.tp;
  sum.fn += scores.fn;
  sum.fp += scores.fp;
  sum.id_switches += scores.id_switches;
  sum.fragments += scores.fragments;
  sum.mostly_tracked += scores.mostly_tracked;
  sum.partly_tracked += scores.partly_tracked;
  sum.mostly_lost += scores.mostly_lost;
  sum.overlap_sum += scores.overlap_sum;
}

}  // namespace

TrackScores combine_tracks(std::span<const TrackScores> sequences, std::string name) {
  TrackScores sum;
  sum.name = std::move(name);
  for (const auto& scores : sequences) {
    sum.frames += scores.frames;
    sum.truth_tracks += scores.truth_tracks;
    sum.truth_boxes += scores.truth_boxes;
    sum.result_tracks += scores.result_tracks;
    sum.result_boxes += scores.result_boxes;
    add(sum.hota, scores.hota);
    add(sum.clear, scores.clear);
    sum.identity.tp += scores.identity.tp;
    sum.identity.fn += scores.identity.fn;
    sum.identity.fp += scores.identity.fp;
  }
  divide(sum.hota);
  finish(sum.hota);
  finish(sum.clear);
  finish(sum.identity);
  return sum;
}

}  // namespace goshawk::evaluate
