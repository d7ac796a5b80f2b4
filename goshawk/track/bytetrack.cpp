// ByteTrack: high-scoring detections first, low-scoring ones for the tracks left over.
// Source: Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022, and the behaviour
// of its published tracker (defaults, order of the steps, when lists are pruned).
#include <array>

#include "goshawk/track/kalman.h"
#include "goshawk/track/observation.h"

namespace goshawk::track {

namespace {

constexpr double kPositionNoise = 1.0 / 20, kVelocityNoise = 1.0 / 160;  // of the height
constexpr double kSecondLimit = 0.5;                                     // IoU distance, second association
constexpr double kUnconfirmedLimit = 0.7;                                // IoU distance, tracks of one frame
constexpr double kDuplicateDistance = 0.15;

double square(double x) { return x * x; }

/// Centre, aspect ratio (width over height) and height, each with its velocity.
class BoxFilter {
 public:
  explicit BoxFilter(const Corners& box) {
    const std::array<double, 4> z = measured(box);
    for (int k = 0; k < 4; ++k) {
      axes_[k].position = z[k];
      axes_[k].pp = square(k == 2 ? 1e-2 : 2 * kPositionNoise * z[3]);
      axes_[k].vv = square(k == 2 ? 1e-5 : 10 * kVelocityNoise * z[3]);
    }
  }
  void stop_growing() { axes_[3].velocity = 0; }
  void predict() {
    const double position = square(kPositionNoise * axes_[3].position),
                 velocity = square(kVelocityNoise * axes_[3].position);
    for (int k = 0; k < 4; ++k) axes_[k].predict(k == 2 ? square(1e-2) : position, k == 2 ? square(1e-5) : velocity);
  }
  void update(const Corners& box) {
    const std::array<double, 4> z = measured(box);
    const double noise = square(kPositionNoise * axes_[3].position);
    for (int k = 0; k < 4; ++k) axes_[k].update(z[k], k == 2 ? square(1e-1) : noise);
  }
  Corners box() const {
    const double h = axes_[3].position, w = axes_[2].position * h;
    const double x1 = axes_[0].position - w / 2, y1 = axes_[1].position - h / 2;
    return {x1, y1, x1 + w, y1 + h};
  }

 private:
  static std::array<double, 4> measured(const Corners& box) {
    const double w = box.width(), h = box.height();
    return {box.x1 + w / 2, box.y1 + h / 2, w / h, h};
  }
  std::array<AxisState, 4> axes_;
};

enum class State { kTracked, kLost, kRemoved };

struct ByteTrackItem {
  BoxFilter filter;
  Corners box;  // of the filter's mean
  State state = State::kTracked;
  bool confirmed = false;
  bool once_removed = false;  // the published tracker remembers these and never keeps them as lost again
  int id = 0;
  int start_frame = 0, last_frame = 0, start_time = 0;
  float score = 0;
  int class_id = 0, detection = -1;
};

class ByteTrack : public Association {
 public:
  ByteTrack(const ByteTrackOptions& options, double frame_rate)
      : options_(options), max_lost_(static_cast<int>(frame_rate / 30.0 * options.track_buffer)) {}

  void update(std::span<const Observation> observations, const Step& step, std::vector<Track>& out) override;
  void predict(const Step& step, std::vector<Track>& out) override;

 private:
  using Slots = std::vector<int>;
  void split(std::span<const Observation> observations);
  void predict_slots(const Slots& slots);
  /// Matches `tracks` (slots) with `candidates`; on return both hold what is left.
  void associate(Slots& tracks, std::vector<const Observation*>& candidates, double limit, bool fuse_score,
                 const Step& step);
  void take(ByteTrackItem& track, const Observation& seen, const Step& step);
  void start_tracks(const Step& step);
  void rebuild_lists(const Slots& newly_lost, const Step& step);
  void remove_duplicates();
  void free_unlisted();
  Track report(const ByteTrackItem& track, const Step& step) const;

  ByteTrackOptions options_;
  int max_lost_;
  AssignmentSolver solver_;
  std::vector<ByteTrackItem> items_;
  Slots free_, tracked_, lost_, found_, pool_, unconfirmed_, rest_;
  std::vector<char> listed_;
  std::vector<const Observation*> high_, low_;
  std::vector<double> cost_;
};

void ByteTrack::split(std::span<const Observation> observations) {
  high_.clear();
  low_.clear();
  for (const Observation& seen : observations) {
    if (seen.score > options_.high_threshold) {
      high_.push_back(&seen);
    } else if (seen.score > options_.low_threshold && seen.score < options_.high_threshold) {
      low_.push_back(&seen);
    }
  }
}

void ByteTrack::predict_slots(const Slots& slots) {
  for (const int slot : slots) {
    ByteTrackItem& track = items_[slot];
    if (track.state != State::kTracked) track.filter.stop_growing();
    track.filter.predict();
    track.box = track.filter.box();
  }
}

void ByteTrack::associate(Slots& tracks, std::vector<const Observation*>& candidates, double limit, bool fuse_score,
                          const Step& step) {
  const int rows = static_cast<int>(tracks.size()), cols = static_cast<int>(candidates.size());
  cost_.resize(static_cast<std::size_t>(rows) * cols);
  double* cost = cost_.data();
  for (const int slot : tracks) {
    for (const Observation* seen : candidates) {
      const double common = overlap<1>(items_[slot].box, seen->box);
      *cost++ = 1 - (fuse_score ? common * seen->score : common);
    }
  }
  const std::span<const int> match = solver_.solve(cost_, rows, cols, limit);
  std::size_t left = 0;
  for (int row = 0; row < rows; ++row) {
    if (match[row] < 0) {
      tracks[left++] = tracks[row];
    } else {
      take(items_[tracks[row]], *candidates[match[row]], step);
      found_.push_back(tracks[row]);
      candidates[match[row]] = nullptr;
    }
  }
  tracks.resize(left);
  std::erase(candidates, nullptr);
}

void ByteTrack::take(ByteTrackItem& track, const Observation& seen, const Step& step) {
  track.filter.update(seen.box);
  track.box = track.filter.box();
  track.state = State::kTracked;
  track.confirmed = true;
  track.last_frame = step.frame;
  track.score = seen.score;
  track.class_id = seen.class_id;
  track.detection = seen.detection;
}

void ByteTrack::start_tracks(const Step& step) {
  for (const Observation* seen : high_) {
    if (seen->score < options_.new_track_threshold) continue;
    ByteTrackItem track{.filter = BoxFilter(seen->box), .box = {}};
    track.box = track.filter.box();
    track.confirmed = step.frame == 1;  // objects of the first frame need no second look
    track.start_frame = track.last_frame = step.frame;
    track.start_time = step.time;
    track.score = seen->score;
    track.class_id = seen->class_id;
    track.detection = seen->detection;
    int slot = static_cast<int>(items_.size());
    if (free_.empty()) {
      items_.push_back(track);
    } else {
      slot = free_.back();
      free_.pop_back();
      items_[slot] = track;
    }
    found_.push_back(slot);
  }
}

void ByteTrack::update(std::span<const Observation> observations, const Step& step, std::vector<Track>& out) {
  split(observations);
  pool_.clear();
  unconfirmed_.clear();
  found_.clear();
  for (const int slot : tracked_) (items_[slot].confirmed ? pool_ : unconfirmed_).push_back(slot);
  pool_.insert(pool_.end(), lost_.begin(), lost_.end());
  for (const int slot : tracked_) items_[slot].detection = -1;
  for (const int slot : lost_) items_[slot].detection = -1;

  predict_slots(pool_);
  associate(pool_, high_, options_.match_threshold, options_.fuse_score, step);
  rest_.clear();
  for (const int slot : pool_) {
    if (items_[slot].state == State::kTracked) rest_.push_back(slot);
  }
  associate(rest_, low_, kSecondLimit, false, step);
  for (const int slot : rest_) items_[slot].state = State::kLost;
  associate(unconfirmed_, high_, kUnconfirmedLimit, options_.fuse_score, step);
  for (const int slot : unconfirmed_) items_[slot].state = State::kRemoved;
  start_tracks(step);
  rebuild_lists(rest_, step);
  remove_duplicates();
  free_unlisted();

  for (const int slot : tracked_) {
    ByteTrackItem& track = items_[slot];
    if (!track.confirmed) continue;
    if (track.id == 0) track.id = (*step.next_id)++;
    out.push_back(report(track, step));
  }
}

// A track that is lost for too long leaves the list of lost tracks one frame later than it is found to be: so the published
// tracker does it, and in that frame it can still be found again.
void ByteTrack::rebuild_lists(const Slots& newly_lost, const Step& step) {
  std::erase_if(tracked_, [&](int slot) { return items_[slot].state != State::kTracked; });
  listed_.assign(items_.size(), 0);
  for (const int slot : tracked_) listed_[slot] = 1;
  for (const int slot : found_) {
    if (!listed_[slot]) tracked_.push_back(slot);
    listed_[slot] = 1;
  }
  std::erase_if(lost_, [&](int slot) { return listed_[slot] || items_[slot].once_removed; });
  for (const int slot : lost_) {
    ByteTrackItem& track = items_[slot];
    if (step.frame - track.last_frame > max_lost_) {
      track.state = State::kRemoved;
      track.once_removed = true;
    }
  }
  for (const int slot : newly_lost) {
    if (!items_[slot].once_removed) lost_.push_back(slot);
  }
}

// Of a tracked and a lost track at the same place, the one that has lived longer stays.
void ByteTrack::remove_duplicates() {
  listed_.assign(items_.size(), 1);
  for (const int a : tracked_) {
    for (const int b : lost_) {
      if (1 - overlap<1>(items_[a].box, items_[b].box) >= kDuplicateDistance) continue;
      const int life_a = items_[a].last_frame - items_[a].start_frame, life_b = items_[b].last_frame - items_[b].start_frame;
      listed_[life_a > life_b ? b : a] = 0;
    }
  }
  std::erase_if(tracked_, [&](int slot) { return !listed_[slot]; });
  std::erase_if(lost_, [&](int slot) { return !listed_[slot]; });
}

void ByteTrack::free_unlisted() {
  listed_.assign(items_.size(), 0);
  for (const int slot : tracked_) listed_[slot] = 1;
  for (const int slot : lost_) listed_[slot] = 1;
  free_.clear();
  for (int slot = static_cast<int>(items_.size()); slot-- > 0;) {
    if (!listed_[slot]) free_.push_back(slot);
  }
}

void ByteTrack::predict(const Step& step, std::vector<Track>& out) {
  predict_slots(tracked_);
  predict_slots(lost_);
  for (const int slot : tracked_) {
    ByteTrackItem& track = items_[slot];
    track.detection = -1;
    if (track.confirmed) out.push_back(report(track, step));
  }
}

Track ByteTrack::report(const ByteTrackItem& track, const Step& step) const {
  return {track.id, track.box.to_box(), track.score, track.class_id, track.detection, step.time - track.start_time};
}

}  // namespace

std::unique_ptr<Association> make_association(const ByteTrackOptions& options, double frame_rate) {
  return std::make_unique<ByteTrack>(options, frame_rate);
}

}  // namespace goshawk::track
