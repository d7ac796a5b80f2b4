#include "goshawk/evaluate/boxes.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/parallel.h"
#include "goshawk/dataset/rle.h"

namespace goshawk::evaluate {
namespace {

using dataset::Annotation;
using dataset::Dataset;
using dataset::Prediction;
using dataset::Rectangle;
using dataset::RunLengths;

constexpr std::size_t kMostThresholds = 16, kMostAreas = 8, kMostLimits = 8;  // bits of the records

/// The defaults; thresholds with the rounding of numpy.linspace, so that equal overlaps fall on the same side.
void fill_in(CocoOptions& options) {
  if (options.thresholds.empty()) {
    const double step = (0.95 - 0.5) / 9;
    for (int i = 0; i < 9; ++i) options.thresholds.push_back(0.5 + i * step);
    options.thresholds.push_back(0.95);
  }
  if (options.areas.empty()) {
    options.areas = {{"all", 0, 1e10}, {"small", 0, 32 * 32}, {"medium", 32 * 32, 96 * 96}, {"large", 96 * 96, 1e10}};
  }
}

void check(const CocoOptions& options) {
  const auto refuse = [](const std::string& what) { throw Error(ErrorCode::kUsage, what); };
  if (options.thresholds.size() > kMostThresholds) refuse("at most 16 thresholds of the overlap are taken");
  if (!std::is_sorted(options.thresholds.begin(), options.thresholds.end())) refuse("thresholds of the overlap must rise");
  if (options.thresholds.front() <= 0 || options.thresholds.back() > 1) refuse("thresholds of the overlap lie in (0, 1]");
  if (options.areas.size() > kMostAreas) refuse("at most 8 ranges of areas are taken");
  const auto& limits = options.max_detections;
  if (limits.empty() || limits.size() > kMostLimits || limits.front() == 0)
    refuse("the greatest numbers of detections are 1 to 8 numbers above 0");
  if (!std::is_sorted(limits.begin(), limits.end())) refuse("the greatest numbers of detections must rise");
}

/// Items by category, each category's in the order in which they came. SHAPE of begin: categories + 1.
struct ByCategory {
  std::vector<std::size_t> begin;
  std::vector<std::uint32_t> items;

  std::span<const std::uint32_t> of(std::size_t category) const {
    return std::span(items).subspan(begin[category], begin[category + 1] - begin[category]);
  }
};

template <typename Items, typename Wanted>
ByCategory by_category(const Items& items, std::size_t categories, Wanted wanted) {
  ByCategory result;
  result.begin.assign(categories + 1, 0);
  for (const auto& item : items) {
    if (wanted(item)) ++result.begin[item.category + 1];
  }
  std::partial_sum(result.begin.begin(), result.begin.end(), result.begin.begin());
  result.items.resize(result.begin.back());
  std::vector<std::size_t> next(result.begin.begin(), result.begin.end() - 1);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (wanted(items[i])) result.items[next[items[i].category]++] = static_cast<std::uint32_t>(i);
  }
  return result;
}

double box_overlap(const Rectangle& detected, const Rectangle& truth, bool crowd) {
  const double width = std::min(detected.x + detected.width, truth.x + truth.width) - std::max(detected.x, truth.x);
  if (width <= 0) return 0;
  const double height = std::min(detected.y + detected.height, truth.y + truth.height) - std::max(detected.y, truth.y);
  if (height <= 0) return 0;
  const double both = width * height;
  return both / (crowd ? detected.area() : detected.area() + truth.area() - both);
}

/// What all classes share while they are matched.
struct Shared {
  const Dataset& truth;
  const dataset::Predictions& predictions;
  const CocoOptions& options;
  std::vector<std::uint32_t> image_rank;  // by rising id
  ByCategory objects, detections;
};

/// An image's place in the order, with what lies in it.
struct Placed {
  std::uint32_t rank = 0, item = 0;
  double score = 0;
};

/// Matches one class, image by image. Buffers are kept from image to image.
class ClassMatcher {
 public:
  explicit ClassMatcher(const Shared& shared) : shared_(shared), options_(shared.options) {}

  CocoResult::ClassRecords match(std::size_t category) {
    records_ = {};
    place(category);
    records_.found.reserve(detections_.size());
    std::size_t d = 0, o = 0;
    while (d < detections_.size() || o < objects_.size()) {
      const std::uint32_t rank = std::min(d < detections_.size() ? detections_[d].rank : UINT32_MAX,
                                          o < objects_.size() ? objects_[o].rank : UINT32_MAX);
      const std::size_t first_d = d, first_o = o;
      while (d < detections_.size() && detections_[d].rank == rank) ++d;
      while (o < objects_.size() && objects_[o].rank == rank) ++o;
      const std::size_t most = std::min<std::size_t>(d - first_d, options_.max_detections.back());
      match_image(std::span(detections_).subspan(first_d, most), std::span(objects_).subspan(first_o, o - first_o));
    }
    sort_by_score();
    return std::move(records_);
  }

 private:
  struct Candidate {
    std::uint32_t object = 0;  // within the image
    double overlap = 0;
  };

  void place(std::size_t category) {
    objects_.clear();
    detections_.clear();
    for (const std::uint32_t item : shared_.objects.of(category))
      objects_.push_back({shared_.image_rank[shared_.truth.annotations[item].image], item, 0});
    for (const std::uint32_t item : shared_.detections.of(category)) {
      const Prediction& prediction = shared_.predictions.items[item];
      detections_.push_back({shared_.image_rank[prediction.image], item, prediction.score});
    }
    std::sort(objects_.begin(), objects_.end(),
              [](const Placed& a, const Placed& b) { return a.rank != b.rank ? a.rank < b.rank : a.item < b.item; });
    std::sort(detections_.begin(), detections_.end(), [](const Placed& a, const Placed& b) {
      if (a.rank != b.rank) return a.rank < b.rank;
      return a.score != b.score ? a.score > b.score : a.item < b.item;
    });
  }

  const Annotation& object(const Placed& placed) const { return shared_.truth.annotations[placed.item]; }
  const Prediction& prediction(const Placed& placed) const { return shared_.predictions.items[placed.item]; }

  void match_image(std::span<const Placed> detections, std::span<const Placed> objects) {
    note_objects(objects);
    if (options_.overlap == Overlap::kMasks) draw(detections, objects);
    find_candidates(detections, objects);
    const std::size_t areas = options_.areas.size(), thresholds = options_.thresholds.size();
    const std::size_t first = records_.found.size();
    for (std::size_t d = 0; d < detections.size(); ++d) {
      records_.found.push_back(
          {detections[d].score, prediction(detections[d]).image, static_cast<std::uint32_t>(d), detections[d].item});
    }
    records_.judgements.resize((first + detections.size()) * areas);
    records_.objects_found.resize((first + detections.size()) * thresholds, -1);
    for (std::size_t area = 0; area < areas; ++area) {
      taken_.assign(objects.size(), 0);
      for (std::size_t d = 0; d < detections.size(); ++d) {
        auto& judgement = records_.judgements[(first + d) * areas + area];
        std::int32_t* const found = area == 0 ? &records_.objects_found[(first + d) * thresholds] : nullptr;
        const std::span candidates(candidates_.data() + candidates_begin_[d], candidates_.data() + candidates_begin_[d + 1]);
        if (!candidates.empty()) judge(candidates, objects, area, judgement, found);
        if (!within(areas_[d], area)) judgement.ignored |= static_cast<std::uint16_t>(~judgement.matched);
      }
    }
  }

  bool within(double area, std::size_t range) const {
    return area >= options_.areas[range].least && area <= options_.areas[range].most;
  }

  void note_objects(std::span<const Placed> objects) {
    counts_.clear();
    for (const Placed& placed : objects) {
      const Annotation& annotation = object(placed);
      std::uint8_t counts = 0;
      for (std::size_t area = 0; area < options_.areas.size(); ++area) {
        if (!annotation.crowd && within(annotation.area, area)) counts |= static_cast<std::uint8_t>(1U << area);
      }
      counts_.push_back(counts);
      if (counts != 0) records_.objects.push_back({annotation.image, counts});
    }
  }

  /// Masks of an image's detections and objects, where both are there; and the areas of the detections.
  void draw(std::span<const Placed> detections, std::span<const Placed> objects) {
    detected_masks_.clear();
    object_masks_.clear();
    for (const Placed& placed : detections) detected_masks_.push_back(mask_of(prediction(placed)));
    if (detections.empty()) return;
    for (const Placed& placed : objects) object_masks_.push_back(mask_of(object(placed)));
  }

  RunLengths draw(const dataset::Mask& mask, std::uint32_t image) const {
    const auto& entry = shared_.truth.images[image];
    const bool polygons = std::holds_alternative<dataset::Polygons>(mask);
    const std::uint64_t pixels = static_cast<std::uint64_t>(entry.width) * entry.height;
    if (polygons && (pixels == 0 || pixels > UINT32_MAX)) {
      throw Error(ErrorCode::kBadData, "polygons need the size of their image, and that of image " +
                                           std::to_string(entry.id) + (pixels == 0 ? " is not given" : " is too large"));
    }
    return dataset::mask_in_image(mask, entry.height, entry.width);
  }

  /// An object without a mask is its rectangle.
  RunLengths mask_of(const Rectangle& r, std::uint32_t image) const {
    const double right = r.x + r.width, bottom = r.y + r.height;
    dataset::Polygons outline{{r.x, r.y, r.x, bottom, right, bottom, right, r.y}};
    if (!dataset::is_drawable(outline)) throw Error(ErrorCode::kBadData, "a box without a mask is too large to be drawn");
    return draw(outline, image);
  }

  RunLengths mask_of(const Prediction& prediction) const {
    if (prediction.mask < 0) return mask_of(prediction.rectangle, prediction.image);
    return draw(shared_.predictions.masks[static_cast<std::size_t>(prediction.mask)], prediction.image);
  }

  RunLengths mask_of(const Annotation& annotation) const {
    if (annotation.mask < 0) return mask_of(annotation.rectangle, annotation.image);
    return draw(shared_.truth.masks[static_cast<std::size_t>(annotation.mask)], annotation.image);
  }

  double overlap(std::span<const Placed> detections, std::size_t d, std::span<const Placed> objects, std::size_t o) const {
    const bool crowd = object(objects[o]).crowd;
    if (options_.overlap == Overlap::kMasks) return dataset::mask_overlap(detected_masks_[d], object_masks_[o], crowd);
    return box_overlap(prediction(detections[d]).rectangle, object(objects[o]).rectangle, crowd);
  }

  /// Pairs that overlap enough for the lowest threshold, by detection; and the areas of the detections.
  void find_candidates(std::span<const Placed> detections, std::span<const Placed> objects) {
    const double least = threshold(0);
    const bool of_masks = options_.overlap == Overlap::kMasks && !shared_.predictions.have_boxes;
    candidates_.clear();
    candidates_begin_.assign(1, 0);
    areas_.clear();
    for (std::size_t d = 0; d < detections.size(); ++d) {
      areas_.push_back(of_masks ? static_cast<double>(dataset::mask_area(detected_masks_[d]))
                                : prediction(detections[d]).rectangle.area());
      for (std::size_t o = 0; o < objects.size(); ++o) {
        const double value = overlap(detections, d, objects, o);
        if (value >= least) candidates_.push_back({static_cast<std::uint32_t>(o), value});
      }
      candidates_begin_.push_back(candidates_.size());
    }
  }

  double threshold(std::size_t t) const { return std::min(options_.thresholds[t], 1 - 1e-10); }

  /// One detection at all thresholds. `found`: [thresholds], may be null.
  void judge(std::span<const Candidate> candidates, std::span<const Placed> objects, std::size_t area,
             CocoResult::Judgement& judgement, std::int32_t* found) {
    for (std::size_t t = 0; t < options_.thresholds.size(); ++t) {
      // Objects that count come first; one of the others is found only where none of them is.
      bool counts = true;
      const Candidate* best = best_of(candidates, objects, area, t, true);
      if (best == nullptr) {
        counts = false;
        best = best_of(candidates, objects, area, t, false);
      }
      if (best == nullptr) continue;
      const auto bit = static_cast<std::uint16_t>(1U << t);
      taken_[best->object] |= bit;
      const Placed& placed = objects[best->object];
      if (!counts) judgement.ignored |= bit;
      if (options_.id_zero_never_matches && object(placed).id == 0) continue;
      judgement.matched |= bit;
      if (found != nullptr) found[t] = static_cast<std::int32_t>(placed.item);
    }
  }

  /// The untaken candidate of the greatest overlap, the last of equal ones. A crowd may be taken by many.
  const Candidate* best_of(std::span<const Candidate> candidates, std::span<const Placed> objects, std::size_t area,
                           std::size_t t, bool counting) const {
    double least = threshold(t);
    const Candidate* best = nullptr;
    for (const Candidate& candidate : candidates) {
      if (((counts_[candidate.object] >> area & 1U) != 0) != counting) continue;
      if ((taken_[candidate.object] >> t & 1U) != 0 && !object(objects[candidate.object]).crowd) continue;
      if (candidate.overlap < least) continue;
      least = candidate.overlap;
      best = &candidate;
    }
    return best;
  }

  void sort_by_score() {
    auto& found = records_.found;
    std::vector<std::uint32_t> order(found.size());
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return found[a].score != found[b].score ? found[a].score > found[b].score : a < b;
    });
    records_.found = rows(found, order, 1);
    records_.judgements = rows(records_.judgements, order, options_.areas.size());
    records_.objects_found = rows(records_.objects_found, order, options_.thresholds.size());
    records_.objects.shrink_to_fit();
  }

  template <typename Item>
  static std::vector<Item> rows(const std::vector<Item>& table, std::span<const std::uint32_t> order, std::size_t width) {
    std::vector<Item> sorted;
    sorted.reserve(table.size());
    for (const std::uint32_t row : order) {
      const auto begin = table.begin() + static_cast<std::ptrdiff_t>(row * width);
      sorted.insert(sorted.end(), begin, begin + static_cast<std::ptrdiff_t>(width));
    }
    return sorted;
  }

  const Shared& shared_;
  const CocoOptions& options_;
  CocoResult::ClassRecords records_;
  std::vector<Placed> objects_, detections_;
  std::vector<Candidate> candidates_;
  std::vector<std::size_t> candidates_begin_;
  std::vector<double> areas_;         // of the detections
  std::vector<std::uint8_t> counts_;  // of the objects: bit a, counts in area a
  std::vector<std::uint16_t> taken_;  // of the objects: bit t
  std::vector<RunLengths> detected_masks_, object_masks_;
};

/// Places by rising id; equal ids (a data set without numbers) in their order.
template <typename Entries>
std::vector<std::uint32_t> order_by_id(const Entries& entries) {
  std::vector<std::uint32_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return entries[a].id < entries[b].id; });
  return order;
}

}  // namespace

CocoEvaluator::CocoEvaluator(const Dataset& truth, CocoOptions options) : truth_(truth), options_(std::move(options)) {
  fill_in(options_);
  check(options_);
}

void CocoEvaluator::add(std::uint32_t image, const Detections& detections) {
  require(image < truth_.images.size(), "detections are of an image of the data set");
  for (const Detection& detection : detections) {
    if (detection.class_id < 0 || static_cast<std::size_t>(detection.class_id) >= truth_.categories.size()) continue;
    const double x = detection.box.x1, y = detection.box.y1;
    predictions_.items.push_back({.image = image,
                                  .category = static_cast<std::uint32_t>(detection.class_id),
                                  .rectangle = {x, y, detection.box.x2 - x, detection.box.y2 - y},
                                  .score = detection.score,
                                  .element = static_cast<std::uint32_t>(predictions_.items.size())});
  }
}

void CocoEvaluator::add(dataset::Predictions predictions) {
  if (predictions_.items.empty()) {
    predictions_ = std::move(predictions);
    return;
  }
  const auto masks = static_cast<std::int32_t>(predictions_.masks.size());
  std::move(predictions.masks.begin(), predictions.masks.end(), std::back_inserter(predictions_.masks));
  for (Prediction& item : predictions.items) {
    if (item.mask >= 0) item.mask += masks;
    predictions_.items.push_back(item);
  }
}

void CocoEvaluator::add_scored(const Dataset& predictions) {
  for (const Annotation& annotation : predictions.annotations) {
    if (annotation.score < 0) continue;
    Prediction item{.image = annotation.image,
                    .category = annotation.category,
                    .rectangle = annotation.rectangle,
                    .score = annotation.score,
                    .element = static_cast<std::uint32_t>(predictions_.items.size())};
    if (annotation.mask >= 0 && options_.overlap == Overlap::kMasks) {
      item.mask = static_cast<std::int32_t>(predictions_.masks.size());
      predictions_.masks.push_back(predictions.masks[static_cast<std::size_t>(annotation.mask)]);
    }
    predictions_.items.push_back(item);
  }
}

CocoResult CocoEvaluator::evaluate() {
  const std::size_t categories = truth_.categories.size();
  Shared shared{truth_, predictions_, options_, {}, {}, {}};
  const auto images = order_by_id(truth_.images);
  shared.image_rank.resize(images.size());
  for (std::uint32_t rank = 0; rank < images.size(); ++rank) shared.image_rank[images[rank]] = rank;
  shared.objects = by_category(truth_.annotations, categories, [](const Annotation& item) { return item.score < 0; });
  shared.detections = by_category(predictions_.items, categories, [](const Prediction&) { return true; });

  std::vector<CocoResult::ClassRecords> classes(categories);
  const auto match = [&](std::size_t begin, std::size_t end) {
    ClassMatcher matcher(shared);
    for (std::size_t category = begin; category < end; ++category) {
      if (options_.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped");
      classes[category] = matcher.match(category);
    }
  };
  parallel_blocks(
      categories, 1, match, [](std::size_t) {}, options_.threads);
  return {std::move(options_), truth_.images.size(), std::move(classes), order_by_id(truth_.categories)};
}

}  // namespace goshawk::evaluate
