#include "goshawk/evaluate/errors.h"

#include <algorithm>

#include "goshawk/core/error.h"

namespace goshawk::evaluate {
namespace {

/// Indices of the detections that are confident enough, most confident first; equal ones keep their order.
std::vector<int> by_confidence(std::span<const Detection> detections, float least) {
  std::vector<int> order;
  for (std::size_t i = 0; i < detections.size(); ++i) {
    if (detections[i].score >= least) order.push_back(static_cast<int>(i));
  }
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return detections[static_cast<std::size_t>(a)].score > detections[static_cast<std::size_t>(b)].score;
  });
  return order;
}

bool is_excused(const Detection& detection, std::span<const TrueObject> objects) {
  const float area = detection.box.area();
  return area > 0 && std::any_of(objects.begin(), objects.end(), [&](const TrueObject& object) {
           return object.ignored && object.class_id == detection.class_id &&
                  intersection(detection.box, object.box) >= 0.5F * area;
         });
}

struct Nearest {
  int object = -1;
  float overlap = 0;
};

template <typename Accept>
Nearest nearest(const Box& box, std::span<const TrueObject> objects, Accept accept) {
  Nearest best;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (objects[i].ignored || !accept(i)) continue;
    const float overlap = iou(box, objects[i].box);
    if (overlap > best.overlap) best = {static_cast<int>(i), overlap};
  }
  return best;
}

}  // namespace

const char* name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kMissed:
      return "missed";
    case ErrorKind::kWrongClass:
      return "wrong_class";
    case ErrorKind::kPoorBox:
      return "poor_box";
    case ErrorKind::kDuplicate:
      return "duplicate";
    case ErrorKind::kBackground:
      return "background";
  }
  return "unknown";
}

ImageErrors find_errors(std::span<const TrueObject> objects, std::span<const Detection> detections,
                        const ErrorOptions& options) {
  ImageErrors result;
  std::vector<bool> claimed(objects.size());
  std::vector<bool> accounted(objects.size());  // found, or the aim of a poor or misnamed detection: not missed
  const auto order = by_confidence(detections, options.confidence);

  // First who finds what, so that a detection is called a duplicate only of a pair that stands.
  std::vector<int> wrong;
  for (const int d : order) {
    const auto& detection = detections[static_cast<std::size_t>(d)];
    const auto best = nearest(detection.box, objects,
                              [&](std::size_t i) { return objects[i].class_id == detection.class_id && !claimed[i]; });
    if (best.object < 0 || best.overlap < options.foreground) {
      wrong.push_back(d);
      continue;
    }
    claimed[static_cast<std::size_t>(best.object)] = accounted[static_cast<std::size_t>(best.object)] = true;
    result.found.push_back({ErrorKind::kMissed, d, best.object});
  }

  const auto blame = [&](ErrorKind kind, int detection, int object) {
    if (object >= 0) accounted[static_cast<std::size_t>(object)] = true;
    result.errors.push_back({kind, detection, object});
  };
  for (const int d : wrong) {
    const auto& detection = detections[static_cast<std::size_t>(d)];
    const auto same =
        nearest(detection.box, objects, [&](std::size_t i) { return objects[i].class_id == detection.class_id; });
    const auto other =
        nearest(detection.box, objects, [&](std::size_t i) { return objects[i].class_id != detection.class_id; });
    if (same.overlap >= options.foreground) {
      blame(ErrorKind::kDuplicate, d, same.object);
    } else if (is_excused(detection, objects)) {
      continue;
    } else if (other.overlap >= options.foreground) {
      blame(ErrorKind::kWrongClass, d, other.object);
    } else if (same.overlap >= options.background) {
      blame(ErrorKind::kPoorBox, d, same.object);
    } else {
      blame(ErrorKind::kBackground, d, -1);
    }
  }
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (!objects[i].ignored && !accounted[i]) result.errors.push_back({ErrorKind::kMissed, -1, static_cast<int>(i)});
  }
  for (const auto& error : result.errors) ++result.counts[static_cast<std::size_t>(error.kind)];
  return result;
}

ConfusionMatrix::ConfusionMatrix(int classes, float confidence, float overlap)
    : classes_(classes), confidence_(confidence), overlap_(overlap) {
  require(classes >= 1, "ConfusionMatrix: at least one class");
  counts_.resize(static_cast<std::size_t>(classes + 1) * static_cast<std::size_t>(classes + 1));
}

void ConfusionMatrix::add(std::span<const TrueObject> objects, std::span<const Detection> detections) {
  const auto count = [&](int detected, int truth) {
    require(detected >= 0 && detected <= classes_ && truth >= 0 && truth <= classes_,
            "ConfusionMatrix: class beyond the list");
    ++counts_[static_cast<std::size_t>(detected) * static_cast<std::size_t>(classes_ + 1) + static_cast<std::size_t>(truth)];
  };
  std::vector<bool> taken(objects.size());
  for (const int d : by_confidence(detections, confidence_)) {
    const auto& detection = detections[static_cast<std::size_t>(d)];
    const auto best = nearest(detection.box, objects, [&](std::size_t i) { return !taken[i]; });
    if (best.object >= 0 && best.overlap > overlap_) {
      taken[static_cast<std::size_t>(best.object)] = true;
      count(detection.class_id, objects[static_cast<std::size_t>(best.object)].class_id);
    } else if (!is_excused(detection, objects)) {
      count(detection.class_id, classes_);
    }
  }
  for (std::size_t o = 0; o < objects.size(); ++o) {
    if (!objects[o].ignored && !taken[o]) count(classes_, objects[o].class_id);
  }
}

std::int64_t ConfusionMatrix::at(int detected, int truth) const {
  require(detected >= 0 && detected <= classes_ && truth >= 0 && truth <= classes_,
          "ConfusionMatrix: class beyond the list");
  return counts_[static_cast<std::size_t>(detected) * static_cast<std::size_t>(classes_ + 1) +
                 static_cast<std::size_t>(truth)];
}

}  // namespace goshawk::evaluate
