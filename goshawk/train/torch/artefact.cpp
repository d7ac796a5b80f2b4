#include "goshawk/train/torch/artefact.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/detect/conformance.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/runtime/session.h"
#include "goshawk/train/export_onnx.h"
#include "goshawk/train/torch/weights.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;

runtime::SessionOptions plain_session() {
  runtime::SessionOptions options;
  options.device = runtime::parse_device("cpu");
  options.precision = runtime::parse_precision("fp32");
  options.warm_up = false;
  return options;
}

/// Throws when the file does not compute what the network computes.
void check_agreement(DetectionNetwork& network, const fs::path& file, const Recipe& recipe) {
  const torch::NoGradGuard no_grad;
  const std::int64_t height = recipe.input_height, width = recipe.input_width;
  // Steps of gray in a pattern of its own, so that no state of a generator is used up.
  auto images = torch::arange(3 * height * width).remainder(251).to(torch::kFloat32).div_(250).view({1, 3, height, width});
  images = 0.5 * images + 0.5 * torch::linspace(0, 1, width).view({1, 1, 1, width});
  const auto expected = decode_maps(network.forward(images), network.description());
  const auto session = runtime::Session::load(file, plain_session());
  const std::vector<runtime::TensorView> inputs{
      {{images.const_data_ptr<float>(), static_cast<std::size_t>(images.numel())}, {1, 3, height, width}}};
  const auto outputs = session->run(inputs);
  if (outputs.size() != 1 || outputs[0].shape != expected.sizes().vec())
    throw Error(ErrorCode::kInternal, "the exported model's output has another shape than the network's", file.string());
  const auto given = torch::from_blob(const_cast<float*>(outputs[0].data.get()), outputs[0].shape);
  auto difference = (given - expected).abs();
  difference.slice(1, 0, 4).div_(static_cast<double>(std::max(width, height)));
  const double most = difference.max().item<double>();
  if (!(most <= kExportTolerance)) {
    throw Error(
        ErrorCode::kInternal,
        fmt::format("the exported model differs from the network by {:.2g}, more than {:.0g}", most, kExportTolerance),
        file.string());
  }
}

}  // namespace

void write_model(DetectionNetwork& network, const fs::path& path, const ArtefactOptions& options) {
  Recipe recipe = options.recipe;
  recipe.dynamic_size = options.dynamic;
  ExportOptions exporting;
  exporting.width = recipe.input_width;
  exporting.height = recipe.input_height;
  if (options.dynamic) exporting.batch.reset();
  exporting.dynamic_size = options.dynamic;
  exporting.metadata = options.metadata;
  exporting.metadata[detect::kRecipeKey] = detect::recipe_text(recipe);

  const fs::path temporary = temporary_beside(path);
  try {
    write_file_atomically(temporary, export_onnx(network.description(), weights_of(network), exporting));
    check_agreement(network, temporary, recipe);
    detect::write_conformance(temporary, temporary, detect::record_conformance(temporary, {}, plain_session()));
    rename_durably(temporary, path);
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw;
  }
}

}  // namespace goshawk::train
