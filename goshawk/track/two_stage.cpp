// ByteTrack and BoT-SORT: high-scoring detections first, low-scoring ones for the tracks left over.
// Source: Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022; Aharon et al.,
// "BoT-SORT: Robust Associations Multi-Pedestrian Tracking", 2022; and the behaviour of the published trackers (defaults,
// order of the steps, when lists are pruned), which share this skeleton.
#include "goshawk/track/appearance.h"
#include "goshawk/track/kalman.h"
#include "goshawk/track/observation.h"
#include "goshawk/track/xywh_filter.h"

namespace goshawk::track {

namespace {

constexpr double kSecondLimit = 0.5;         // IoU distance, second association
constexpr double kUnconfirmedLimit = 0.7;    // distance, tracks of one frame
constexpr double kDuplicateDistance = 0.15;  // IoU distance of a tracked and a lost track

enum class State { kTracked, kLost, kRemoved };

template <class Filter>
struct Item {
  explicit Item(const Observation& seen, const Step& step)
      : filter(seen.box), box(filter.box()), start_frame(step.frame), start_time(step.time) {
    describe(seen, step);
  }
  void describe(const Observation& seen, const Step& step) {
    last_frame = step.frame;
    score = seen.score;
    class_id = seen.class_id;
    detection = seen.detection;
  }

  Filter filter;
  Corners box;  // of the filter's mean
  Appearance appearance;
  State state = State::kTracked;
  bool confirmed = false;
  bool once_removed = false;  // the published trackers remember these, and never keep them as lost again
  int id = 0;
  int start_frame = 0, last_frame = 0, start_time = 0;
  float score = 0;
  int class_id = 0, detection = -1;
};

template <class Filter>
class TwoStage : public Association {
 public:
  /// `Options`: ByteTrackOptions, or BotSortOptions, which adds appearance.
  template <class Options>
  TwoStage(const Options& options, double frame_rate)
      : high_threshold_(options.high_threshold),
        low_threshold_(options.low_threshold),
        new_track_threshold_(options.new_track_threshold),
        match_threshold_(options.match_threshold),
        fuse_score_(options.fuse_score),
        max_lost_(static_cast<int>(frame_rate / 30.0 * options.track_buffer)) {
    if constexpr (requires { options.proximity_threshold; }) {
      use_appearance_ = true;
      proximity_threshold_ = options.proximity_threshold;
      appearance_threshold_ = options.appearance_threshold;
    }
  }

  void update(std::span<const Observation> observations, const Step& step, std::vector<Track>& out) override;
  void predict(const Step& step, std::vector<Track>& out) override;

 private:
  using Slots = std::vector<int>;  // indices into items_
  using Candidates = std::vector<const Observation*>;

  void split(std::span<const Observation> observations);
  void gather();
  void predict_slots(const Slots& slots);
  void follow_camera(const Slots& slots, const CameraMotion& camera);
  /// Matches `tracks` with `candidates`; on return both hold what is left.
  void associate_high(Slots& tracks, double limit, const Step& step);
  void associate_low(Slots& tracks, const Step& step);
  void match(Slots& tracks, Candidates& candidates, double limit, bool learn, const Step& step);
  double high_distance(const Item<Filter>& track, const Observation& seen) const;
  void take(Item<Filter>& track, const Observation& seen, bool learn, const Step& step);
  void start_tracks(const Step& step);
  void rebuild_lists(const Slots& newly_lost, const Step& step);
  void remove_duplicates();
  void free_unlisted();
  Track report(const Item<Filter>& track, const Step& step) const;

  float high_threshold_, low_threshold_, new_track_threshold_;
  double match_threshold_;
  bool fuse_score_;
  int max_lost_;  // updates
  bool use_appearance_ = false;
  double proximity_threshold_ = 0, appearance_threshold_ = 0;

  AssignmentSolver solver_;
  std::vector<Item<Filter>> items_;
  Slots free_, tracked_, lost_;                       // between frames
  Slots found_, pool_, unconfirmed_, without_match_;  // within a frame
  std::vector<char> listed_;
  Candidates high_, low_;
  std::vector<double> cost_;
};

template <class Filter>
void TwoStage<Filter>::split(std::span<const Observation> observations) {
  high_.clear();
  low_.clear();
  for (const Observation& seen : observations) {
    if (seen.score > high_threshold_) {
      high_.push_back(&seen);
    } else if (seen.score > low_threshold_ && seen.score < high_threshold_) {
      low_.push_back(&seen);
    }
  }
}

template <class Filter>
void TwoStage<Filter>::gather() {
  pool_.clear();
  unconfirmed_.clear();
  found_.clear();
  for (const int slot : tracked_) (items_[slot].confirmed ? pool_ : unconfirmed_).push_back(slot);
  pool_.insert(pool_.end(), lost_.begin(), lost_.end());
  for (const int slot : tracked_) items_[slot].detection = -1;
  for (const int slot : lost_) items_[slot].detection = -1;
}

template <class Filter>
void TwoStage<Filter>::predict_slots(const Slots& slots) {
  for (const int slot : slots) {
    Item<Filter>& track = items_[slot];
    if (track.state != State::kTracked) track.filter.stop_growing();
    track.filter.predict();
    track.box = track.filter.box();
  }
}

template <class Filter>
void TwoStage<Filter>::follow_camera(const Slots& slots, const CameraMotion& camera) {
  if constexpr (requires(Filter filter) { filter.move_with(camera); }) {
    for (const int slot : slots) {
      items_[slot].filter.move_with(camera);
      items_[slot].box = items_[slot].filter.box();
    }
  }
}

template <class Filter>
double TwoStage<Filter>::high_distance(const Item<Filter>& track, const Observation& seen) const {
  const double common = overlap<1>(track.box, seen.box);
  const double distance = 1 - (fuse_score_ ? common * seen.score : common);
  if (!use_appearance_ || !seen.embedding || 1 - common > proximity_threshold_) return distance;
  const double look = track.appearance.distance(seen.embedding);
  return look > appearance_threshold_ ? distance : std::min(distance, look);
}

template <class Filter>
void TwoStage<Filter>::associate_high(Slots& tracks, double limit, const Step& step) {
  cost_.clear();
  for (const int slot : tracks) {
    for (const Observation* seen : high_) cost_.push_back(high_distance(items_[slot], *seen));
  }
  match(tracks, high_, limit, true, step);
}

template <class Filter>
void TwoStage<Filter>::associate_low(Slots& tracks, const Step& step) {
  cost_.clear();
  for (const int slot : tracks) {
    for (const Observation* seen : low_) cost_.push_back(1 - overlap<1>(items_[slot].box, seen->box));
  }
  match(tracks, low_, kSecondLimit, false, step);
}

template <class Filter>
void TwoStage<Filter>::match(Slots& tracks, Candidates& candidates, double limit, bool learn, const Step& step) {
  const int rows = static_cast<int>(tracks.size());
  const std::span<const int> partner = solver_.solve(cost_, rows, static_cast<int>(candidates.size()), limit);
  std::size_t left = 0;
  for (int row = 0; row < rows; ++row) {
    if (partner[row] < 0) {
      tracks[left++] = tracks[row];
      continue;
    }
    take(items_[tracks[row]], *candidates[partner[row]], learn, step);
    found_.push_back(tracks[row]);
    candidates[partner[row]] = nullptr;
  }
  tracks.resize(left);
  std::erase(candidates, nullptr);
}

template <class Filter>
void TwoStage<Filter>::take(Item<Filter>& track, const Observation& seen, bool learn, const Step& step) {
  track.filter.update(seen.box);
  track.box = track.filter.box();
  track.state = State::kTracked;
  track.confirmed = true;
  track.describe(seen, step);
  if (use_appearance_ && learn) track.appearance.learn(seen.embedding);
}

template <class Filter>
void TwoStage<Filter>::start_tracks(const Step& step) {
  for (const Observation* seen : high_) {
    if (seen->score < new_track_threshold_) continue;
    Item<Filter> track(*seen, step);
    track.confirmed = step.frame == 1;  // objects of the first frame need no second look
    if (use_appearance_) track.appearance.learn(seen->embedding);
    int slot = static_cast<int>(items_.size());
    if (free_.empty()) {
      items_.push_back(std::move(track));
    } else {
      slot = free_.back();
      free_.pop_back();
      items_[slot] = std::move(track);
    }
    found_.push_back(slot);
  }
}

template <class Filter>
void TwoStage<Filter>::update(std::span<const Observation> observations, const Step& step, std::vector<Track>& out) {
  split(observations);
  gather();
  predict_slots(pool_);
  if (step.camera) {
    follow_camera(pool_, *step.camera);
    follow_camera(unconfirmed_, *step.camera);
  }
  associate_high(pool_, match_threshold_, step);
  without_match_.clear();
  for (const int slot : pool_) {
    if (items_[slot].state == State::kTracked) without_match_.push_back(slot);
  }
  associate_low(without_match_, step);
  for (const int slot : without_match_) items_[slot].state = State::kLost;
  associate_high(unconfirmed_, kUnconfirmedLimit, step);
  for (const int slot : unconfirmed_) items_[slot].state = State::kRemoved;
  start_tracks(step);
  rebuild_lists(without_match_, step);
  remove_duplicates();
  free_unlisted();

  for (const int slot : tracked_) {
    Item<Filter>& track = items_[slot];
    if (!track.confirmed) continue;
    if (track.id == 0) track.id = (*step.next_id)++;
    out.push_back(report(track, step));
  }
}

// A track that is lost for too long leaves the list of lost tracks one frame later than it is found to be: so the published
// trackers do it, and in that frame it can still be found again.
template <class Filter>
void TwoStage<Filter>::rebuild_lists(const Slots& newly_lost, const Step& step) {
  std::erase_if(tracked_, [&](int slot) { return items_[slot].state != State::kTracked; });
  listed_.assign(items_.size(), 0);
  for (const int slot : tracked_) listed_[slot] = 1;
  for (const int slot : found_) {
    if (!listed_[slot]) tracked_.push_back(slot);
    listed_[slot] = 1;
  }
  std::erase_if(lost_, [&](int slot) { return listed_[slot] || items_[slot].once_removed; });
  for (const int slot : lost_) {
    Item<Filter>& track = items_[slot];
    if (step.frame - track.last_frame <= max_lost_) continue;
    track.state = State::kRemoved;
    track.once_removed = true;
  }
  for (const int slot : newly_lost) {
    if (!items_[slot].once_removed) lost_.push_back(slot);
  }
}

// Of a tracked and a lost track at the same place, the one that has lived longer stays.
template <class Filter>
void TwoStage<Filter>::remove_duplicates() {
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

template <class Filter>
void TwoStage<Filter>::free_unlisted() {
  listed_.assign(items_.size(), 0);
  for (const int slot : tracked_) listed_[slot] = 1;
  for (const int slot : lost_) listed_[slot] = 1;
  free_.clear();
  for (int slot = static_cast<int>(items_.size()); slot-- > 0;) {
    if (!listed_[slot]) free_.push_back(slot);
  }
}

template <class Filter>
void TwoStage<Filter>::predict(const Step& step, std::vector<Track>& out) {
  predict_slots(tracked_);
  predict_slots(lost_);
  for (const int slot : tracked_) {
    Item<Filter>& track = items_[slot];
    track.detection = -1;
    if (track.confirmed) out.push_back(report(track, step));
  }
}

template <class Filter>
Track TwoStage<Filter>::report(const Item<Filter>& track, const Step& step) const {
  return {track.id, track.box.to_box(), track.score, track.class_id, track.detection, step.time - track.start_time};
}

}  // namespace

std::unique_ptr<Association> make_association(const ByteTrackOptions& options, double frame_rate) {
  return std::make_unique<TwoStage<XyahFilter>>(options, frame_rate);
}

std::unique_ptr<Association> make_association(const BotSortOptions& options, double frame_rate) {
  return std::make_unique<TwoStage<XywhFilter>>(options, frame_rate);
}

}  // namespace goshawk::track
