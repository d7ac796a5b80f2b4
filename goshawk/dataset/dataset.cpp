#include "goshawk/dataset/dataset.h"

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

}  // namespace goshawk::dataset
