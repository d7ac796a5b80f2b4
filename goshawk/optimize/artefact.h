// A changed model becomes a file that proves itself.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "goshawk/core/recipe.h"
#include "goshawk/core/scratch_folder.h"
#include "goshawk/detect/conformance.h"
#include "goshawk/onnx/model.h"
#include "goshawk/runtime/session.h"

namespace goshawk::optimize {

/// Metadata key of what was done to a model: JSON, a list of steps, each with the SHA-256 of the file that it began with.
inline constexpr const char* kHistoryKey = "goshawk.optimize";

/// How far other providers and machines may be from the recording: they round in other places.
enum class Arithmetic { kFp32, kReduced, kInt8 };
detect::ConformanceTolerance tolerance_of(Arithmetic arithmetic);

struct ArtefactOptions {
  runtime::SessionOptions session;
  Arithmetic arithmetic = Arithmetic::kFp32;
  nlohmann::ordered_json step;  // what was done, for kHistoryKey; "source_sha256" comes with it
};

/// Writes `model` with the recipe, its history and conformance vectors (two synthetic pictures), and replays them in FP32
/// on the session's device; the file takes its name only when they pass. Returns the replay. Throws Error{kUsage} when
/// `target` is the file `source`, {kIo}, and {kBadData} when the replay fails.
detect::ConformanceReport write_artefact(onnx::Model model, const Recipe& recipe, const std::filesystem::path& source,
                                         const std::filesystem::path& target, const ArtefactOptions& options);

/// For models that are no detectors: the history alone, and no vectors. Throws Error{kIo, kUsage}.
void write_unrecorded(onnx::Model model, const std::filesystem::path& source, const std::filesystem::path& target,
                      nlohmann::ordered_json step);

/// A file without vectors, for measuring: gone when this ends. Carries the recipe. Not thread-safe.
class ScratchModel {
 public:
  /// Throws Error{kIo}.
  ScratchModel(onnx::Model model, const Recipe& recipe);
  std::filesystem::path path() const { return folder_.path() / "candidate.onnx"; }

  /// The same under a name that stays.
  static void write(onnx::Model model, const Recipe& recipe, const std::filesystem::path& path);

 private:
  ScratchFolder folder_;
};

}  // namespace goshawk::optimize
