// The steps of recognition; only recognize*.cpp include this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "goshawk/detect/recognize.h"

namespace goshawk::detect {

/// The model's image input, and what it says of the recipe's geometry.
struct ImageInput {
  bool found = false;
  Layout layout = Layout::kNchw;
  std::int64_t height = -1, width = -1;  // -1: varies
  bool has_batch = true;
  bool takes_any_size() const { return height < 0 && width < 0; }
};
/// `layout` counts where the channels' dimension varies too, of an input of floats alone.
ImageInput image_input(const ModelDescription& model, Layout layout);
/// A side that varies beside a fixed one becomes as long as that.
void apply_geometry(const ImageInput& input, Recipe& recipe);
/// Cells of the feature maps of strides 8, 16, ... `largest`; -1 for an input whose size varies.
std::int64_t grid_cells(const ImageInput& input, int largest);

std::string list_text(const std::vector<runtime::TensorInfo>& tensors);
/// What to write into a recipe when nothing is known.
extern const char* const kDescribeHint;
[[noreturn]] void reject_model(const ModelDescription& model, const std::string& message,
                               const std::string& hint = kDescribeHint);

/// Each returns nullopt when the model is not of its kind, and throws when it is but something is missing.
/// `classes`: how many class names the user gave, 0 for none.
std::optional<Recipe> recognize_ultralytics(const ModelDescription& model, const ImageInput& input);
std::optional<Recipe> recognize_single(const ModelDescription& model, const ImageInput& input, std::size_t classes);
std::optional<Recipe> recognize_named(const ModelDescription& model, const ImageInput& input, std::size_t classes);

}  // namespace goshawk::detect
