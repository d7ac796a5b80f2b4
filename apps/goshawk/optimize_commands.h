// The commands that make models smaller and faster, one file each, and what they share.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>

#include "apps/goshawk/command.h"
#include "goshawk/core/progress.h"
#include "goshawk/optimize/int8.h"

namespace goshawk::cli {

Command quantize_command();
Command convert_command();
Command prune_command();
Command optimize_command();

/// One progress bar after the other, as the work goes from step to step. Not thread-safe.
class StepBars {
 public:
  explicit StepBars(const Invocation& call) : quiet_(call.config.boolean("log.quiet")) {}
  void operator()(const std::string& doing, std::int64_t done, std::int64_t total);
  void finish() { bar_.reset(); }

 private:
  bool quiet_;
  std::string doing_;
  std::optional<Progress> bar_;
};

/// runtime.* and detect.* but for the classes, which are the data set's here, as `eval` takes them.
detect::DetectorOptions judged_options(const Invocation& call);

/// --data: a labelled set, cut into pictures to calibrate with and pictures to judge on (see optimize::material_of), or a
/// folder of pictures without labels. --from names the format, --images and --eval-images how many of each, --classes and
/// --map what is judged, as for `eval`.
optimize::Material read_material(const Invocation& call, std::size_t calibration_images, std::size_t evaluation_images);

/// Before the result is written: throws Error{kInterrupted} where Ctrl-C has come.
void leave_if_stopped(const Invocation& call);

/// --output (of a folder, "MODEL-SUFFIX.onnx" in it), else "MODEL-SUFFIX.onnx" in the current folder; makes the folders
/// above. Throws Error{kUsage} when it is the model itself or no name, {kIo} where nothing can be written.
std::filesystem::path target_of(const Invocation& call, const std::filesystem::path& model, const std::string& suffix);

/// AP in points, "32.95"; "-" where it was not measured.
std::string points(double ap);
/// "3.42 G", "40.4 M".
std::string multiplications(double count);
/// "3.5 MB".
std::string megabytes(std::uint64_t bytes);

}  // namespace goshawk::cli
