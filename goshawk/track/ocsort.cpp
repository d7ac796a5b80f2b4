// OC-SORT: SORT that trusts observations over its own predictions.
// Source: Cao et al., "Observation-Centric SORT: Rethinking SORT for Robust Multi-Object Tracking", CVPR 2023, and the
// behaviour of its published tracker. ORU: re-update over a virtual path; OCM: direction of motion; OCR: recovery at the
// last observation.
#include <numbers>
#include <optional>

#include "goshawk/track/arcsine.h"
#include "goshawk/track/kalman.h"
#include "goshawk/track/overlap_matching.h"

namespace goshawk::track {

namespace {

constexpr double kEpsilon = 1e-6;
constexpr float kLowThreshold = 0.1F;  // of the second association (BYTE)

struct Seen {
  Corners box;
  int frame = 0;
};

struct Direction {
  double dx = 0, dy = 0;
};

Direction direction(const Corners& from, const Corners& to) {
  const double dx = to.center_x() - from.center_x(), dy = to.center_y() - from.center_y();
  const double norm = std::sqrt(dx * dx + dy * dy) + kEpsilon;
  return {dx / norm, dy / norm};
}

/// The filter as it was when the object went out of sight, to be led along a virtual path once it is seen again (ORU).
struct Frozen {
  XysrFilter filter;
  int time = 0;
};

class OcSortItem {
 public:
  OcSortItem(const Observation& seen, const Step& step)
      : box(seen.box), start_time(step.time), filter_(to_xysr(seen.box, kEpsilon)) {
    box = filter_.box();
    describe(seen);
  }

  /// One step of time.
  void advance() {
    filter_.keep_area();
    filter_.predict();
    box = filter_.box();
  }
  void take(const Observation& seen, const Step& step, int delta_t);
  void miss(const Step& step) {
    if (last_time_ > 0 && !frozen_) frozen_ = Frozen{filter_, step.time};
  }
  /// The observation `delta_t` updates ago, or the oldest one after it, or else the last one; null for a new track.
  const Corners* observation_before(int frame, int delta_t) const;
  const Corners* last_observation() const { return observed_.empty() ? nullptr : &observed_.back().box; }

  Corners box;
  std::optional<Direction> motion;
  int misses = 0, streak = 0;
  bool reported = false;
  int id = 0, start_time = 0;
  float score = 0;
  int class_id = 0, detection = -1;

 private:
  void describe(const Observation& seen) {
    score = seen.score;
    class_id = seen.class_id;
    detection = seen.detection;
  }
  void retrace(const std::array<double, 4>& z, int time);

  XysrFilter filter_;
  std::optional<Frozen> frozen_;
  std::vector<Seen> observed_;      // the last ones, oldest first; never more than delta_t + 1
  std::array<double, 4> last_z_{};  // last measurement and its time
  int last_time_ = 0;
};

const Corners* OcSortItem::observation_before(int frame, int delta_t) const {
  for (const Seen& seen : observed_) {
    if (seen.frame >= frame - delta_t) return &seen.box;
  }
  return last_observation();
}

void OcSortItem::take(const Observation& seen, const Step& step, int delta_t) {
  if (const Corners* const before = observation_before(step.frame, delta_t)) motion = direction(*before, seen.box);
  std::erase_if(observed_, [&](const Seen& old) { return old.frame <= step.frame - delta_t; });
  observed_.push_back({seen.box, step.frame});
  const std::array<double, 4> z = to_xysr(seen.box, kEpsilon);
  if (frozen_) retrace(z, step.time);
  filter_.update(z);
  last_z_ = z;
  last_time_ = step.time;
  misses = 0;
  ++streak;
  describe(seen);
}

// The published tracker ends the path with the new observation and then takes that observation once more; so do we.
void OcSortItem::retrace(const std::array<double, 4>& z, int time) {
  const double w1 = std::sqrt(last_z_[2] * last_z_[3]), h1 = std::sqrt(last_z_[2] / last_z_[3]);
  const double w2 = std::sqrt(z[2] * z[3]), h2 = std::sqrt(z[2] / z[3]);
  const double gap = time - last_time_;
  filter_ = frozen_->filter;
  for (int t = frozen_->time; t <= time; ++t) {
    const double part = (t - last_time_) / gap;
    const double w = w1 + part * (w2 - w1), h = h1 + part * (h2 - h1);
    filter_.update({last_z_[0] + part * (z[0] - last_z_[0]), last_z_[1] + part * (z[1] - last_z_[1]), w * h, w / h});
    if (t < time) filter_.predict();
  }
  frozen_.reset();
}

class OcSort : public Association {
 public:
  explicit OcSort(const OcSortOptions& options) : options_(options) {}

  void update(std::span<const Observation> observations, const Step& step, std::vector<Track>& out) override;
  void predict(const Step& step, std::vector<Track>& out) override;

 private:
  void advance();
  void split(std::span<const Observation> observations);
  void associate_by_motion(const Step& step);
  void associate_low(const Step& step);
  void recover(const Step& step);
  void directions(const Step& step);
  void agreement(const Direction& motion, double x, double y, double* bonus) const;
  /// Matches what is left of tracks (at `places`) and `candidates` by overlap alone.
  void associate_left(std::vector<const Observation*>& candidates, const Step& step);
  void take(int track, const Observation& seen, const Step& step);
  Track report(const OcSortItem& track, const Step& step) const;

  OcSortOptions options_;
  OverlapMatcher matcher_;
  std::vector<OcSortItem> tracks_;
  std::vector<const Observation*> high_, low_;
  std::vector<int> left_;  // tracks without a detection in this frame
  std::vector<Corners> places_, measured_;
  std::vector<double> overlaps_, bonus_;
  std::vector<double> xs_, ys_, weights_;  // of high_: centres, and how much their directions count
};

void OcSort::split(std::span<const Observation> observations) {
  high_.clear();
  low_.clear();
  for (const Observation& seen : observations) {
    if (seen.score > options_.detection_threshold) {
      high_.push_back(&seen);
    } else if (seen.score > kLowThreshold && seen.score < options_.detection_threshold) {
      low_.push_back(&seen);
    }
  }
}

void OcSort::advance() {
  for (OcSortItem& track : tracks_) track.advance();
  std::erase_if(tracks_, [](const OcSortItem& track) { return std::isnan(track.box.x1) || std::isnan(track.box.y1); });
}

void OcSort::take(int track, const Observation& seen, const Step& step) {
  tracks_[track].take(seen, step, options_.delta_t);
}

// OCM: how well the direction from an earlier observation to the detection agrees with the track's direction so far.
void OcSort::directions(const Step& step) {
  const std::size_t cols = high_.size();
  bonus_.assign(tracks_.size() * cols, 0.0);
  xs_.clear();
  ys_.clear();
  weights_.clear();
  for (const Observation* seen : high_) {
    xs_.push_back(seen->box.center_x());
    ys_.push_back(seen->box.center_y());
    weights_.push_back(options_.inertia * seen->score / std::numbers::pi);
  }
  for (std::size_t row = 0; row < tracks_.size(); ++row) {
    const OcSortItem& track = tracks_[row];
    if (!track.motion) continue;
    const Corners before = *track.observation_before(step.frame, options_.delta_t);
    agreement(*track.motion, before.center_x(), before.center_y(), bonus_.data() + row * cols);
  }
}

// The published cosine is turned into an angle, and the angle's distance from a right one, pi/2 - acos, is the arc sine.
void OcSort::agreement(const Direction& motion, double x, double y, double* bonus) const {
  const std::size_t cols = xs_.size();
  const double *const xs = xs_.data(), *const ys = ys_.data(), *const weights = weights_.data();
  for (std::size_t col = 0; col < cols; ++col) {
    const double dx = xs[col] - x, dy = ys[col] - y;
    const double cosine = (motion.dx * dx + motion.dy * dy) / (std::sqrt(dx * dx + dy * dy) + kEpsilon);
    const double clipped = cosine > 1 ? 1 : (cosine < -1 ? -1 : cosine);
    bonus[col] = arcsine(clipped) * weights[col];
  }
}

void OcSort::associate_by_motion(const Step& step) {
  places_.clear();
  measured_.clear();
  for (const OcSortItem& track : tracks_) places_.push_back(track.box);
  for (const Observation* seen : high_) measured_.push_back(seen->box);
  const int rows = static_cast<int>(places_.size()), cols = static_cast<int>(measured_.size());
  overlap_matrix(places_, measured_, overlaps_);
  const double threshold = options_.iou_threshold;
  std::span<const int> match;
  if (const auto plain = matcher_.match_plainly(overlaps_, rows, cols, threshold)) {
    match = *plain;
  } else {
    directions(step);
    match = matcher_.match(overlaps_, bonus_, rows, cols, threshold);
  }
  left_.clear();
  for (int row = 0; row < rows; ++row) {
    if (match[row] < 0) {
      left_.push_back(row);
    } else {
      take(row, *high_[match[row]], step);
      high_[match[row]] = nullptr;
    }
  }
  std::erase(high_, nullptr);
}

void OcSort::associate_left(std::vector<const Observation*>& candidates, const Step& step) {
  measured_.clear();
  for (const Observation* seen : candidates) measured_.push_back(seen->box);
  const int rows = static_cast<int>(places_.size()), cols = static_cast<int>(measured_.size());
  overlap_matrix(places_, measured_, overlaps_);
  const std::span<const int> match = matcher_.match(overlaps_, {}, rows, cols, options_.iou_threshold);
  for (int row = 0; row < rows; ++row) {
    if (match[row] < 0) continue;
    take(left_[row], *candidates[match[row]], step);
    left_[row] = -1;
    candidates[match[row]] = nullptr;
  }
  std::erase(left_, -1);
  std::erase(candidates, nullptr);
}

void OcSort::associate_low(const Step& step) {
  if (!options_.use_byte || low_.empty() || left_.empty()) return;
  places_.clear();
  for (const int track : left_) places_.push_back(tracks_[track].box);
  associate_left(low_, step);
}

// OCR: an object that stopped or was hidden shortly is looked for where it was seen last.
void OcSort::recover(const Step& step) {
  if (high_.empty() || left_.empty()) return;
  places_.clear();
  for (const int track : left_) {
    const Corners* const last = tracks_[track].last_observation();
    places_.push_back(last ? *last : Corners{-1, -1, -1, -1});
  }
  associate_left(high_, step);
}

void OcSort::update(std::span<const Observation> observations, const Step& step, std::vector<Track>& out) {
  split(observations);
  advance();
  for (OcSortItem& track : tracks_) {
    if (track.misses > 0) track.streak = 0;
    ++track.misses;
    track.detection = -1;
  }
  associate_by_motion(step);
  associate_low(step);
  recover(step);
  for (const int track : left_) tracks_[track].miss(step);
  for (const Observation* seen : high_) tracks_.emplace_back(*seen, step);
  for (OcSortItem& track : tracks_) {
    track.reported = track.misses == 0 && (track.streak >= options_.min_hits || step.frame <= options_.min_hits);
    if (!track.reported) continue;
    if (track.id == 0) track.id = (*step.next_id)++;
    Track reported = report(track, step);
    if (const Corners* const last = track.last_observation()) reported.box = last->to_box();
    out.push_back(reported);
  }
  std::erase_if(tracks_, [&](const OcSortItem& track) { return track.misses > options_.max_age; });
}

void OcSort::predict(const Step& step, std::vector<Track>& out) {
  advance();
  for (OcSortItem& track : tracks_) {
    track.detection = -1;
    if (track.reported) out.push_back(report(track, step));
  }
}

Track OcSort::report(const OcSortItem& track, const Step& step) const {
  return {track.id, track.box.to_box(), track.score, track.class_id, track.detection, step.time - track.start_time};
}

}  // namespace

std::unique_ptr<Association> make_association(const OcSortOptions& options) { return std::make_unique<OcSort>(options); }

}  // namespace goshawk::track
