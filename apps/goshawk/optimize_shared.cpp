#include <fmt/format.h>

#include "apps/goshawk/data_set.h"
#include "apps/goshawk/detect_on_set.h"
#include "apps/goshawk/eval_model.h"
#include "apps/goshawk/optimize_commands.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/options.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/dataset/recognise.h"
#include "goshawk/media/image_source.h"

namespace goshawk::cli {

namespace fs = std::filesystem;

void StepBars::operator()(const std::string& doing, std::int64_t done, std::int64_t total) {
  if (quiet_) return;
  if (doing != doing_) {
    bar_.reset();
    bar_.emplace(doing, total, "steps");
    doing_ = doing;
  }
  bar_->update(done);
}

detect::DetectorOptions judged_options(const Invocation& call) {
  auto options = detector_options(call.config);
  options.classes.clear();
  return options;
}

optimize::Material read_material(const Invocation& call, std::size_t calibration_images, std::size_t evaluation_images) {
  const std::string data = required_option(call, "data");
  const std::size_t calibrate = count_option(call, "images").value_or(calibration_images);
  const std::size_t evaluate = call.options.contains("eval-images") ? *count_option(call, "eval-images") : evaluation_images;
  try {
    auto material = optimize::material_of(read_set(call, data, format_option(call, "from")).dataset, calibrate, evaluate);
    if (material.evaluation) keep_asked_classes(call, *material.evaluation);
    material.renamed = renamed_classes(call);
    if (!material.calibration.empty()) return material;
  } catch (const Error& error) {
    // A folder of pictures is no data set in any format; a broken data set is no folder of pictures.
    const bool labelled = call.has("from") || call.has("map") || call.config.is_set("detect.classes");
    if (!fs::is_directory(data) || labelled || error.code() == ErrorCode::kInterrupted) throw;
    if (dataset::recognise_format(data)) throw;
  }
  optimize::Material material;
  if (!fs::is_directory(data)) throw Error(ErrorCode::kNotFound, "there is no picture in it", data);
  material.calibration = media::images_in_folder(data);
  if (calibrate > 0 && material.calibration.size() > calibrate) {  // spread over the folder: frames of a video come in order
    std::vector<fs::path> some;
    for (std::size_t i = 0; i < calibrate; ++i)
      some.push_back(material.calibration[i * material.calibration.size() / calibrate]);
    material.calibration = std::move(some);
  }
  return material;
}

void leave_if_stopped(const Invocation& call) {
  if (call.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped; nothing was written");
}

fs::path target_of(const Invocation& call, const fs::path& model, const std::string& suffix) {
  const auto named = call.options.find("output");
  fs::path target =
      named != call.options.end() ? fs::path(named->second) : fs::path(model.stem().string() + "-" + suffix + ".onnx");
  std::error_code ignored;
  if (fs::is_directory(target, ignored)) target /= model.stem().string() + "-" + suffix + ".onnx";
  if (fs::equivalent(model, target, ignored)) {
    throw Error(ErrorCode::kUsage, "the model would be written over itself", target.string(),
                "Name another file with --output.");
  }
  make_folder(target.parent_path());
  const AtomicFile tried(target);  // not after hours of work
  return target;
}

std::string points(double ap) { return ap < 0 ? "-" : fmt::format("{:.2f}", 100 * ap); }

std::string multiplications(double count) {
  return count >= 1e9 ? fmt::format("{:.2f} G", count / 1e9) : fmt::format("{:.1f} M", count / 1e6);
}

std::string megabytes(std::uint64_t bytes) { return fmt::format("{:.2f} MB", static_cast<double>(bytes) / 1e6); }

}  // namespace goshawk::cli
