#include "goshawk/dataset/dataset.h"

#include <algorithm>

namespace goshawk::dataset {

const char* name(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::kMissingImage:
      return "missing_image";
    case ProblemKind::kUnreadableImage:
      return "unreadable_image";
    case ProblemKind::kSizeDiffers:
      return "size_differs";
    case ProblemKind::kMissingLabels:
      return "missing_labels";
    case ProblemKind::kEmptyLabels:
      return "empty_labels";
    case ProblemKind::kBadLine:
      return "bad_line";
    case ProblemKind::kNotFinite:
      return "not_finite";
    case ProblemKind::kOutsideImage:
      return "outside_image";
    case ProblemKind::kDegenerateBox:
      return "degenerate_box";
    case ProblemKind::kDuplicateBox:
      return "duplicate_box";
    case ProblemKind::kUnknownClass:
      return "unknown_class";
    case ProblemKind::kDuplicateClass:
      return "duplicate_class";
    case ProblemKind::kDuplicateImage:
      return "duplicate_image";
    case ProblemKind::kNearDuplicate:
      return "near_duplicate";
    case ProblemKind::kUnsafePath:
      return "unsafe_path";
    case ProblemKind::kTooMany:
      return "too_many";
    case ProblemKind::kOrphanLabels:
      return "orphan_labels";
    case ProblemKind::kSharedLabels:
      return "shared_labels";
    case ProblemKind::kDropped:
      return "dropped";
  }
  return "unknown";
}

const char* name(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "unknown";
}

const char* name(Split split) {
  switch (split) {
    case Split::kNone:
      return "";
    case Split::kTrain:
      return "train";
    case Split::kVal:
      return "val";
    case Split::kTest:
      return "test";
  }
  return "";
}

std::vector<std::size_t> annotations_by_image(const Dataset& dataset) {
  std::vector<std::size_t> begin(dataset.images.size() + 1, 0);
  for (const auto& annotation : dataset.annotations) ++begin[annotation.image + 1];
  for (std::size_t i = 1; i < begin.size(); ++i) begin[i] += begin[i - 1];
  return begin;
}

void sort_by_image(Dataset& dataset) {
  const auto earlier = [](const Annotation& a, const Annotation& b) { return a.image < b.image; };
  if (std::is_sorted(dataset.annotations.begin(), dataset.annotations.end(), earlier)) return;
  std::stable_sort(dataset.annotations.begin(), dataset.annotations.end(), earlier);
}

}  // namespace goshawk::dataset
