// SORT: Kalman filter, overlap and the assignment problem.
// Source: Bewley et al., "Simple Online and Realtime Tracking", ICIP 2016, and the behaviour of its published tracker.
#include "goshawk/track/kalman.h"
#include "goshawk/track/overlap_matching.h"

namespace goshawk::track {

namespace {

struct SortItem {
  XysrFilter filter;
  Corners box;
  int misses = 0;  // updates since a detection was matched
  int streak = 0;  // detections in a row
  bool reported = false;
  int id = 0, start_time = 0;
  float score = 0;
  int class_id = 0, detection = -1;
};

class Sort : public Association {
 public:
  explicit Sort(const SortOptions& options) : options_(options) {}

  void update(std::span<const Observation> observations, const Step& step, std::vector<Track>& out) override;
  void predict(const Step& step, std::vector<Track>& out) override;

 private:
  void advance();
  void associate();
  void start(const Observation& seen, const Step& step);
  Track report(const SortItem& track, const Step& step) const;

  SortOptions options_;
  OverlapMatcher matcher_;
  std::vector<SortItem> tracks_;
  std::vector<const Observation*> seen_;
  std::vector<Corners> predicted_, measured_;
  std::vector<double> overlaps_;
  std::vector<char> taken_;
};

void Sort::advance() {
  for (SortItem& track : tracks_) {
    track.filter.keep_area();
    track.filter.predict();
    track.box = track.filter.box();
  }
  std::erase_if(tracks_, [](const SortItem& track) { return std::isnan(track.box.x1) || std::isnan(track.box.y1); });
}

void Sort::associate() {
  predicted_.clear();
  measured_.clear();
  for (const SortItem& track : tracks_) predicted_.push_back(track.box);
  for (const Observation* seen : seen_) measured_.push_back(seen->box);
  taken_.assign(seen_.size(), 0);
  const int rows = static_cast<int>(tracks_.size()), cols = static_cast<int>(seen_.size());
  overlap_matrix(predicted_, measured_, overlaps_);
  const double threshold = options_.iou_threshold;
  const auto plain = matcher_.match_plainly(overlaps_, rows, cols, threshold);
  const std::span<const int> match = plain ? *plain : matcher_.match(overlaps_, {}, rows, cols, threshold);
  for (int row = 0; row < rows; ++row) {
    if (match[row] < 0) continue;
    SortItem& track = tracks_[row];
    const Observation& seen = *seen_[match[row]];
    taken_[match[row]] = 1;
    track.filter.update(to_xysr(seen.box, 0));
    track.box = track.filter.box();
    track.misses = 0;
    ++track.streak;
    track.score = seen.score;
    track.class_id = seen.class_id;
    track.detection = seen.detection;
  }
}

void Sort::start(const Observation& seen, const Step& step) {
  SortItem track{.filter = XysrFilter(to_xysr(seen.box, 0)), .box = {}};
  track.box = track.filter.box();
  track.start_time = step.time;
  track.score = seen.score;
  track.class_id = seen.class_id;
  track.detection = seen.detection;
  tracks_.push_back(track);
}

void Sort::update(std::span<const Observation> observations, const Step& step, std::vector<Track>& out) {
  seen_.clear();
  for (const Observation& seen : observations) {
    if (seen.score >= options_.detection_threshold) seen_.push_back(&seen);
  }
  advance();
  for (SortItem& track : tracks_) {
    if (track.misses > 0) track.streak = 0;
    ++track.misses;
    track.detection = -1;
  }
  associate();
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    if (!taken_[i]) start(*seen_[i], step);
  }
  for (SortItem& track : tracks_) {
    track.reported = track.misses == 0 && (track.streak >= options_.min_hits || step.frame <= options_.min_hits);
    if (!track.reported) continue;
    if (track.id == 0) track.id = (*step.next_id)++;
    out.push_back(report(track, step));
  }
  std::erase_if(tracks_, [&](const SortItem& track) { return track.misses > options_.max_age; });
}

void Sort::predict(const Step& step, std::vector<Track>& out) {
  advance();
  for (SortItem& track : tracks_) {
    track.detection = -1;
    if (track.reported) out.push_back(report(track, step));
  }
}

Track Sort::report(const SortItem& track, const Step& step) const {
  return {track.id, track.box.to_box(), track.score, track.class_id, track.detection, step.time - track.start_time};
}

}  // namespace

std::unique_ptr<Association> make_association(const SortOptions& options) { return std::make_unique<Sort>(options); }

}  // namespace goshawk::track
