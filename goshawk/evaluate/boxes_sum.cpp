// Sums over the records of a matching.
#include <algorithm>
#include <cmath>

#include "goshawk/core/error.h"
#include "goshawk/evaluate/boxes.h"

namespace goshawk::evaluate {
namespace {

constexpr std::size_t kRecalls = 101;

/// As numpy.linspace(0, 1, 101) rounds them.
double recall_at(std::size_t i) { return i == kRecalls - 1 ? 1.0 : static_cast<double>(i) * (1.0 / (kRecalls - 1)); }

/// One class within one range of areas and up to one number of detections.
class Sum {
 public:
  /// `weights`: of the images; empty: 1 each.
  Sum(const CocoResult& result, const CocoResult::ClassRecords& records, std::span<const std::uint32_t> weights)
      : result_(result), records_(records), weights_(weights) {}

  /// Objects that count; where it is 0, there is nothing to measure.
  double objects(std::size_t area) const {
    std::uint64_t count = 0;
    for (const auto& object : records_.objects) {
      if ((object.counts >> area & 1U) != 0) count += weight(object.image);
    }
    return static_cast<double>(count);
  }

  /// Recall, and where wanted the precision at the 101 recalls. `precision` is empty or of that length.
  double measure(std::size_t threshold, std::size_t area, std::uint32_t most, double objects, std::span<double> precision) {
    const std::size_t areas = result_.options().areas.size();
    points_.clear();
    std::uint64_t right = 0, wrong = 0;
    for (std::size_t i = 0; i < records_.found.size(); ++i) {
      const auto& found = records_.found[i];
      if (found.rank >= most) continue;
      const auto& judgement = records_.judgements[i * areas + area];
      if ((judgement.ignored >> threshold & 1U) != 0) continue;
      const std::uint32_t times = weight(found.image);
      if ((judgement.matched >> threshold & 1U) == 0) {
        wrong += times;
        continue;
      }
      if (times == 0) continue;
      right += times;
      const auto all = static_cast<double>(right + wrong) + 0x1p-52;  // numpy.spacing(1)
      points_.push_back({static_cast<double>(right) / objects, static_cast<double>(right) / all});
    }
    if (!precision.empty()) interpolate(precision);
    return static_cast<double>(right) / objects;
  }

 private:
  struct Point {
    double recall = 0, precision = 0;  // behind a detection that is right; others only lower the precision
  };

  std::uint32_t weight(std::uint32_t image) const { return weights_.empty() ? 1 : weights_[image]; }

  /// At each recall the greatest precision at it or beyond; 0 where it is not reached.
  void interpolate(std::span<double> precision) {
    for (std::size_t i = points_.size(); i-- > 1;)
      points_[i - 1].precision = std::max(points_[i - 1].precision, points_[i].precision);
    std::size_t point = 0;
    for (std::size_t i = 0; i < kRecalls; ++i) {
      while (point < points_.size() && points_[point].recall < recall_at(i)) ++point;
      precision[i] = point < points_.size() ? points_[point].precision : 0;
    }
  }

  const CocoResult& result_;
  const CocoResult::ClassRecords& records_;
  std::span<const std::uint32_t> weights_;
  std::vector<Point> points_;
};

/// A mean that is -1 of nothing.
class Mean {
 public:
  void add(double value) {
    sum_ += value;
    ++count_;
  }
  double value() const { return count_ == 0 ? -1 : sum_ / static_cast<double>(count_); }

 private:
  double sum_ = 0;
  std::size_t count_ = 0;
};

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

std::optional<std::size_t> threshold_index(const CocoOptions& options, double threshold) {
  for (std::size_t t = 0; t < options.thresholds.size(); ++t) {
    if (std::abs(options.thresholds[t] - threshold) < 1e-9) return t;
  }
  return std::nullopt;
}

/// AP and AR of each range of areas, over the classes.
struct AreaMeans {
  Mean ap, ap50, ap75, ar;
};

}  // namespace

CocoResult::CocoResult(CocoOptions options, std::size_t images, std::vector<ClassRecords> classes,
                       std::vector<std::uint32_t> by_id)
    : options_(std::move(options)), images_(images), classes_(std::move(classes)), by_id_(std::move(by_id)) {}

CocoSummary CocoResult::summary() const { return summary({}); }

CocoSummary CocoResult::summary(std::span<const std::uint32_t> weights) const {
  require(weights.empty() || weights.size() == images_, "each image has a weight");
  const auto t50 = threshold_index(options_, 0.5), t75 = threshold_index(options_, 0.75);
  const std::size_t limits = options_.max_detections.size(), areas = options_.areas.size();
  std::vector<AreaMeans> means(areas);
  std::vector<Mean> recalls(limits);
  std::vector<double> precision(kRecalls);
  for (const auto& records : classes_) {
    Sum sum(*this, records, weights);
    for (std::size_t area = 0; area < areas; ++area) {
      const double objects = sum.objects(area);
      if (objects == 0) continue;
      for (std::size_t t = 0; t < options_.thresholds.size(); ++t) {
        means[area].ar.add(sum.measure(t, area, options_.max_detections.back(), objects, precision));
        const double ap = mean_of(precision);
        means[area].ap.add(ap);
        if (t == t50) means[area].ap50.add(ap);
        if (t == t75) means[area].ap75.add(ap);
        for (std::size_t limit = 0; area == 0 && limit < limits; ++limit)
          recalls[limit].add(sum.measure(t, area, options_.max_detections[limit], objects, {}));
      }
    }
  }
  CocoSummary summary;
  summary.ap = means[0].ap.value();
  summary.ap50 = means[0].ap50.value();
  summary.ap75 = means[0].ap75.value();
  for (const Mean& mean : recalls) summary.ar.push_back(mean.value());
  for (std::size_t area = 0; area < areas; ++area) {
    const auto& name = options_.areas[area].name;
    double* const ap = name == "small"    ? &summary.ap_small
                       : name == "medium" ? &summary.ap_medium
                       : name == "large"  ? &summary.ap_large
                                          : nullptr;
    double* const ar = name == "small" ? &summary.ar_small : name == "medium" ? &summary.ar_medium : &summary.ar_large;
    if (ap == nullptr) continue;
    *ap = means[area].ap.value();
    *ar = means[area].ar.value();
  }
  return summary;
}

std::vector<ClassResult> CocoResult::by_class() const {
  const auto t50 = threshold_index(options_, 0.5), t75 = threshold_index(options_, 0.75);
  std::vector<ClassResult> results;
  std::vector<double> precision(kRecalls);
  for (const auto& records : classes_) {
    ClassResult result;
    Sum sum(*this, records, {});
    const double objects = sum.objects(0);
    result.objects = static_cast<std::int64_t>(objects);
    result.detections = static_cast<std::int64_t>(records.found.size());
    Mean ap, ar;
    for (std::size_t t = 0; objects > 0 && t < options_.thresholds.size(); ++t) {
      ar.add(sum.measure(t, 0, options_.max_detections.back(), objects, precision));
      ap.add(mean_of(precision));
      if (t == t50) result.ap50 = mean_of(precision);
      if (t == t75) result.ap75 = mean_of(precision);
    }
    result.ap = ap.value();
    result.ar = ar.value();
    results.push_back(result);
  }
  return results;
}

std::vector<double> CocoResult::precision() const {
  const std::size_t thresholds = options_.thresholds.size(), classes = classes_.size(), areas = options_.areas.size(),
                    limits = options_.max_detections.size();
  std::vector<double> array(thresholds * kRecalls * classes * areas * limits, -1);
  std::vector<double> line(kRecalls);
  for (std::size_t k = 0; k < classes; ++k) {
    Sum sum(*this, classes_[by_id_[k]], {});
    for (std::size_t area = 0; area < areas; ++area) {
      const double objects = sum.objects(area);
      if (objects == 0) continue;
      for (std::size_t t = 0; t < thresholds; ++t) {
        for (std::size_t limit = 0; limit < limits; ++limit) {
          sum.measure(t, area, options_.max_detections[limit], objects, line);
          for (std::size_t r = 0; r < kRecalls; ++r)
            array[(((t * kRecalls + r) * classes + k) * areas + area) * limits + limit] = line[r];
        }
      }
    }
  }
  return array;
}

std::vector<double> CocoResult::recall() const {
  const std::size_t thresholds = options_.thresholds.size(), classes = classes_.size(), areas = options_.areas.size(),
                    limits = options_.max_detections.size();
  std::vector<double> array(thresholds * classes * areas * limits, -1);
  for (std::size_t k = 0; k < classes; ++k) {
    Sum sum(*this, classes_[by_id_[k]], {});
    for (std::size_t area = 0; area < areas; ++area) {
      const double objects = sum.objects(area);
      if (objects == 0) continue;
      for (std::size_t t = 0; t < thresholds; ++t) {
        for (std::size_t limit = 0; limit < limits; ++limit)
          array[((t * classes + k) * areas + area) * limits + limit] =
              sum.measure(t, area, options_.max_detections[limit], objects, {});
      }
    }
  }
  return array;
}

std::vector<JudgedDetection> CocoResult::judged(std::size_t threshold) const {
  std::vector<JudgedDetection> list;
  const std::size_t areas = options_.areas.size();
  for (std::uint32_t category = 0; category < classes_.size(); ++category) {
    const auto& records = classes_[category];
    for (std::size_t i = 0; i < records.found.size(); ++i) {
      const auto& judgement = records.judgements[i * areas];
      if ((judgement.ignored >> threshold & 1U) != 0) continue;
      list.push_back({static_cast<float>(records.found[i].score), category, (judgement.matched >> threshold & 1U) != 0});
    }
  }
  return list;
}

std::vector<std::int64_t> CocoResult::objects() const {
  std::vector<std::int64_t> counts;
  for (const auto& records : classes_) counts.push_back(static_cast<std::int64_t>(Sum(*this, records, {}).objects(0)));
  return counts;
}

std::vector<std::vector<Match>> CocoResult::matches(std::size_t threshold) const {
  std::vector<std::vector<Match>> by_image(images_);
  const std::size_t areas = options_.areas.size(), thresholds = options_.thresholds.size();
  for (const auto& records : classes_) {
    for (std::size_t i = 0; i < records.found.size(); ++i) {
      const bool ignored = (records.judgements[i * areas].ignored >> threshold & 1U) != 0;
      by_image[records.found[i].image].push_back(
          {records.found[i].detection, records.objects_found[i * thresholds + threshold], ignored});
    }
  }
  return by_image;
}

}  // namespace goshawk::evaluate
