// What kinds of mistakes a detector makes, and which classes it confuses.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "goshawk/core/detection.h"
#include "goshawk/core/geometry.h"

namespace goshawk::evaluate {

/// An object that is really there, in pixels of the image.
struct TrueObject {
  Box box;
  int class_id = 0;
  bool ignored = false;  // a crowd or a region that counts neither way: what lies in it, of its class, is no mistake
};

/// Why a detection, or the lack of one, is wrong. After TIDE (Bolya et al., "A General Toolbox for Identifying Object
/// Detection Errors", 2020), with its rare "both" among the background detections.
enum class ErrorKind : std::uint8_t {
  kMissed,      // no detection accounts for this object, not even a poor or a misnamed one
  kWrongClass,  // overlaps an object of another class by `foreground` or more
  kPoorBox,     // overlaps an object of its class by `background` to `foreground`
  kDuplicate,   // overlaps an object of its class that a more confident detection has found
  kBackground,  // none of these: nothing of its class is there
};
inline constexpr std::size_t kErrorKinds = 5;
/// "missed", "wrong_class", "poor_box", "duplicate", "background".
const char* name(ErrorKind kind);

struct ErrorOptions {
  float confidence = 0.25F;  // detections below are not looked at
  float foreground = 0.5F;   // overlap (IoU) from which a detection finds an object
  float background = 0.1F;   // overlap up to which it has nothing to do with it
};

/// One mistake. For kMissed, `detection` is -1; for kBackground, `object` is -1; else both are indices into what was given.
struct DetectionError {
  ErrorKind kind = ErrorKind::kMissed;
  int detection = -1;
  int object = -1;
  bool operator==(const DetectionError&) const = default;
};

/// The mistakes of one image, and what was right.
struct ImageErrors {
  std::vector<DetectionError> errors;               // detections by falling score, then the missed objects in their order
  std::vector<DetectionError> found;                // right pairs; `kind` has no meaning
  std::array<std::uint32_t, kErrorKinds> counts{};  // by ErrorKind
};

/// Detections are taken from the most confident down; each takes the unclaimed object of its class that it overlaps most.
/// One that lies in an ignored region of its class by half of its own area is neither right nor wrong (COCO's crowds).
ImageErrors find_errors(std::span<const TrueObject> objects, std::span<const Detection> detections,
                        const ErrorOptions& = {});

/// Counts of true class against detected class, with "background" as the last of both.
class ConfusionMatrix {
 public:
  /// `classes` >= 1. Detections below `confidence` are not looked at; pairs need an overlap (IoU) above `overlap`.
  /// Source of both defaults: what users of Ultralytics 8.4 know (0.25, 0.45).
  explicit ConfusionMatrix(int classes, float confidence = 0.25F, float overlap = 0.45F);

  /// By falling confidence, each detection takes the free object that it overlaps most, whatever the classes: what
  /// Ultralytics 8.4.190 counts, found by experiment. Class numbers beyond the list abort.
  void add(std::span<const TrueObject> objects, std::span<const Detection> detections);

  int classes() const { return classes_; }
  /// `detected` and `truth` in [0, classes()]; classes() is the background: at(classes(), c) were missed, at(c, classes())
  /// are detections of nothing. at(classes(), classes()) is 0.
  std::int64_t at(int detected, int truth) const;

 private:
  int classes_;
  float confidence_;
  float overlap_;
  std::vector<std::int64_t> counts_;  // [detected][truth]
};

}  // namespace goshawk::evaluate
