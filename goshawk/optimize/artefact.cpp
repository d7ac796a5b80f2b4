#include "goshawk/optimize/artefact.h"

#include <system_error>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/detect/recipe_io.h"

namespace goshawk::optimize {
namespace {

namespace fs = std::filesystem;

/// Makes the target's folder.
void check_target(const fs::path& source, const fs::path& target) {
  std::error_code error;
  if (fs::equivalent(source, target, error)) {
    throw Error(ErrorCode::kUsage, "the model would be written over the one it is made from", target.string(),
                "Name another file with --output.");
  }
  make_folder(target.parent_path());
}

void add_step(onnx::Model& model, const nlohmann::ordered_json& step) {
  auto& text = model.metadata[kHistoryKey];
  auto history = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!history.is_array()) history = nlohmann::ordered_json::array();
  history.push_back(step);
  // Layers are in it by their names, which may be any bytes.
  text = json_text(history, -1);
}

}  // namespace

detect::ConformanceTolerance tolerance_of(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::kFp32:
      return {};
    case Arithmetic::kReduced:
      return {.box = 4.0F, .score = 0.05F, .output = 0.4F};
    case Arithmetic::kInt8:
      return {.box = 8.0F, .score = 0.15F, .output = 1.0F};
  }
  return {};
}

detect::ConformanceReport write_artefact(onnx::Model model, const Recipe& recipe, const fs::path& source,
                                         const fs::path& target, const ArtefactOptions& options) {
  check_target(source, target);
  model.metadata.erase(detect::kConformanceKey);
  model.metadata[detect::kRecipeKey] = detect::recipe_text(recipe);
  auto step = options.step;
  step["source_sha256"] = sha256_of_file(source);
  add_step(model, step);
  const Leftover temporary{temporary_beside(target)};
  write_file_atomically(temporary.path, onnx::serialize(model));
  auto session = options.session;
  session.cache_folder.reset();                   // the vectors are not in it yet: its hash changes
  session.precision = runtime::Precision::kFp32;  // as it is recorded; others are judged by their accuracy
  auto recording = detect::record_conformance(temporary.path, {}, session);
  const bool rounds_outputs =
      std::ranges::any_of(model.outputs, [](const auto& o) { return o.type == onnx::ElementType::kFloat16; });
  const auto arithmetic =
      rounds_outputs && options.arithmetic == Arithmetic::kFp32 ? Arithmetic::kReduced : options.arithmetic;
  for (auto& vector : recording.vectors) vector.tolerance = tolerance_of(arithmetic);
  detect::write_conformance(temporary.path, temporary.path, recording);
  auto report = detect::verify_conformance(temporary.path, session);
  if (!report.passed()) {
    throw Error(ErrorCode::kBadData,
                "the new model does not give its own recorded answers again on " + runtime::to_string(report.device),
                target.string(), "Nothing was written.");
  }
  rename_durably(temporary.path, target);
  return report;
}

void write_unrecorded(onnx::Model model, const fs::path& source, const fs::path& target, nlohmann::ordered_json step) {
  check_target(source, target);
  step["source_sha256"] = sha256_of_file(source);
  model.metadata.erase(detect::kConformanceKey);
  add_step(model, step);
  write_file_atomically(target, onnx::serialize(model));
}

ScratchModel::ScratchModel(onnx::Model model, const Recipe& recipe) { write(std::move(model), recipe, path()); }

void ScratchModel::write(onnx::Model model, const Recipe& recipe, const fs::path& path) {
  model.metadata.erase(detect::kConformanceKey);
  model.metadata[detect::kRecipeKey] = detect::recipe_text(recipe);
  write_file_atomically(path, onnx::serialize(model));
}

}  // namespace goshawk::optimize
