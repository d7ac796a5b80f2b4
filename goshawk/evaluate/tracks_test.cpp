#include "goshawk/evaluate/tracks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

#include "goshawk/core/error.h"
#include "goshawk/evaluate/frame_matching.h"

namespace goshawk::evaluate {
namespace {

TrackedBox box(std::int64_t frame, std::int64_t id, double x, TruthRole role = TruthRole::kCounts) {
  return {.frame = frame, .id = id, .box = {x, 0, 10, 10}, .role = role};
}

TEST(Tracks, APerfectResultScoresOne) {
  TrackSequence sequence{.name = "one", .frames = 3, .truth_file = {}, .result_file = {}};
  for (int frame = 1; frame <= 3; ++frame) {
    for (int id = 1; id <= 2; ++id) {
      sequence.truth.push_back(box(frame, id, 50.0 * id));
      sequence.result.push_back(box(frame, 7 - id, 50.0 * id));
    }
  }
  const auto scores = evaluate_tracks(sequence);
  EXPECT_EQ(mean(scores.hota.hota), 1);
  EXPECT_EQ(scores.clear.mota, 1);
  EXPECT_EQ(scores.clear.motp, 1);
  EXPECT_EQ(scores.identity.idf1, 1);
  EXPECT_EQ(scores.clear.mostly_tracked, 2);
  EXPECT_EQ(scores.clear.id_switches, 0);
}

// By hand, after the definitions: one object in four frames, found in each, but under another identity in the second half.
TEST(Tracks, ASwitchOfIdentityCostsWhatTheDefinitionsSay) {
  TrackSequence sequence{.frames = 4};
  for (int frame = 1; frame <= 4; ++frame) {
    sequence.truth.push_back(box(frame, 1, 0));
    sequence.result.push_back(box(frame, frame <= 2 ? 10 : 11, 0));
  }
  const auto scores = evaluate_tracks(sequence);
  EXPECT_EQ(scores.clear.id_switches, 1);
  EXPECT_EQ(scores.clear.fragments, 0);
  EXPECT_DOUBLE_EQ(scores.clear.mota, 0.75);
  EXPECT_DOUBLE_EQ(scores.identity.idf1, 0.5);
  EXPECT_DOUBLE_EQ(mean(scores.hota.det_a), 1);
  EXPECT_DOUBLE_EQ(mean(scores.hota.ass_a), 0.5);  // each match: 2 together of 4 and 2 boxes
  EXPECT_DOUBLE_EQ(mean(scores.hota.hota), std::sqrt(0.5));
}

TEST(Tracks, HotaCountsAMatchUpToItsOverlap) {
  TrackSequence sequence{.frames = 1, .truth = {box(1, 1, 0)}, .result = {box(1, 1, 5)}};  // IoU 1 / 3
  const auto scores = evaluate_tracks(sequence);
  for (std::size_t a = 0; a < kHotaThresholds; ++a) EXPECT_EQ(scores.hota.tp[a], a < 6 ? 1 : 0) << hota_threshold(a);
  EXPECT_EQ(scores.clear.tp, 0);
}

TEST(Tracks, ResultsOnDistractorsDoNotCountThoseOnIgnoredObjectsDo) {
  TrackSequence sequence{.frames = 1};
  sequence.truth = {box(1, 1, 0), box(1, 2, 100, TruthRole::kDistractor), box(1, 3, 200, TruthRole::kIgnored)};
  sequence.result = {box(1, 1, 0), box(1, 2, 101), box(1, 3, 201)};
  const auto scores = evaluate_tracks(sequence);
  EXPECT_EQ(scores.truth_boxes, 1);
  EXPECT_EQ(scores.result_boxes, 2);
  EXPECT_EQ(scores.clear.fp, 1);
  EXPECT_EQ(scores.clear.tp, 1);
}

TEST(Tracks, NothingThereIsNoError) {
  const auto nothing = evaluate_tracks({});
  EXPECT_EQ(nothing.clear.mota, 0);
  EXPECT_EQ(mean(nothing.hota.loc_a), 1);
  const auto missed = evaluate_tracks({.frames = 1, .truth = {box(1, 1, 0)}});
  EXPECT_EQ(missed.clear.fn, 1);
  EXPECT_EQ(missed.clear.mostly_lost, 1);
  const auto invented = evaluate_tracks({.frames = 1, .result = {box(1, 1, 0)}});
  EXPECT_EQ(invented.clear.fp, 1);
  EXPECT_EQ(invented.clear.mota, 0);
}

TEST(Tracks, AnIdTwiceInAFrameIsAnErrorWithFileAndLine) {
  TrackSequence sequence{.frames = 2, .result = {box(1, 4, 0), box(2, 4, 0), box(2, 4, 50)}, .result_file = "result.txt"};
  for (std::uint32_t k = 0; k < 3; ++k) sequence.result[k].line = k + 1;
  try {
    evaluate_tracks(sequence);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "id 4 is there twice in frame 2");
    EXPECT_EQ(error.where(), "result.txt:3");
  }
  sequence.result = {box(1, -1, 0)};
  EXPECT_THROW(evaluate_tracks(sequence), Error);
}

TEST(Tracks, HugeNumbersTakeNoMemory) {
  const std::int64_t far = 1'000'000'000'000;
  TrackSequence sequence{
      .frames = far, .truth = {box(1, far, 0), box(far, far, 0)}, .result = {box(1, 1, 0), box(far, far, 0)}};
  const auto scores = evaluate_tracks(sequence);
  EXPECT_EQ(scores.clear.tp, 2);
  EXPECT_EQ(scores.clear.id_switches, 1);
}

TEST(Tracks, TooManyOverlapsAreRefusedEarly) {
  TrackSequence sequence{.frames = 1};
  for (int id = 0; id < 20'000; ++id) {
    sequence.truth.push_back(box(1, id, 0));
    sequence.result.push_back(box(1, id, 0));
  }
  EXPECT_THROW(evaluate_tracks(sequence), Error);
}

TEST(Tracks, StopsWhenAsked) {
  std::stop_source source;
  source.request_stop();
  EXPECT_THROW(evaluate_tracks({.frames = 1, .truth = {box(1, 1, 0)}}, source.get_token()), Error);
}

// Of Bernardin and Stiefelhagen's definition this would be a fragment; TrackEval passes over frames in which a side is
// empty.
TEST(Tracks, AFrameWithoutAnyResultBreaksNoTrackAsInTrackEval) {
  TrackSequence sequence{.frames = 3, .truth = {box(1, 1, 0), box(2, 1, 0), box(3, 1, 0)}};
  sequence.result = {box(1, 1, 0), box(3, 1, 0)};
  EXPECT_EQ(evaluate_tracks(sequence).clear.fragments, 0);
  sequence.result.push_back(box(2, 2, 500));
  EXPECT_EQ(evaluate_tracks(sequence).clear.fragments, 1);
}

TEST(Tracks, CombiningOneSequenceChangesNothing) {
  TrackSequence sequence{.frames = 4};
  for (int frame = 1; frame <= 4; ++frame) {
    sequence.truth.push_back(box(frame, 1, 0));
    sequence.result.push_back(box(frame, frame, frame == 2 ? 300 : 3));
  }
  const auto one = evaluate_tracks(sequence);
  const auto sum = combine_tracks(std::vector{one});
  EXPECT_EQ(sum.clear.fragments, 1);
  EXPECT_DOUBLE_EQ(sum.clear.mota, one.clear.mota);
  EXPECT_DOUBLE_EQ(sum.identity.idf1, one.identity.idf1);
  for (std::size_t a = 0; a < kHotaThresholds; ++a) {
    EXPECT_NEAR(sum.hota.hota[a], one.hota.hota[a], 1e-12);
    EXPECT_NEAR(sum.hota.loc_a[a], one.hota.loc_a[a], 1e-12);
  }
}

/// The greatest sum by trying everything.
double best_sum(std::span<const Candidate> candidates, int rows, int row, unsigned taken) {
  if (row == rows) return 0;
  double best = best_sum(candidates, rows, row + 1, taken);
  for (const auto& candidate : candidates) {
    if (candidate.row != row || taken >> candidate.col & 1U) continue;
    best = std::max(best, candidate.score + best_sum(candidates, rows, row + 1, taken | 1U << candidate.col));
  }
  return best;
}

TEST(FrameMatcher, FindsTheGreatestSumAndTheSameOneAsTheDenseSolver) {
  std::mt19937 random(4);
  FrameMatcher matcher;
  OrderedAssignment ordered;
  for (int round = 0; round < 5000; ++round) {
    const int rows = 1 + static_cast<int>(random() % 6), cols = 1 + static_cast<int>(random() % 6);
    std::vector<Candidate> candidates;
    std::vector<double> cost(static_cast<std::size_t>(rows) * cols);
    for (int row = 0; row < rows; ++row) {
      for (int col = 0; col < cols; ++col) {
        if (random() % 2) continue;
        const double score =
            round % 2 ? static_cast<double>(1 + random() % 3) : std::uniform_real_distribution<double>(0.01, 1)(random);
        candidates.push_back({row, col, score});
        cost[row * cols + col] = -score;
      }
    }
    const auto match = matcher.match(candidates, rows, cols);
    const auto dense = ordered.solve(cost, rows, cols);
    double sum = 0;
    for (int row = 0; row < rows; ++row) {
      const bool counts = dense[row] >= 0 && cost[row * cols + dense[row]] < 0;
      EXPECT_EQ(match[row] < 0 ? -1 : candidates[match[row]].col, counts ? dense[row] : -1) << "round " << round;
      if (match[row] >= 0) sum += candidates[match[row]].score;
    }
    EXPECT_NEAR(sum, best_sum(candidates, rows, 0, 0), 1e-9) << "round " << round;
  }
}

}  // namespace
}  // namespace goshawk::evaluate
