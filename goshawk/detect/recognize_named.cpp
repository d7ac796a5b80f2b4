// Models with several outputs, told by the outputs' names and shapes.
#include <algorithm>
#include <array>
#include <set>

#include "goshawk/detect/decode_families.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/detect/recognize_steps.h"

namespace goshawk::detect {
namespace {

using runtime::TensorInfo;

constexpr std::array<float, 3> kImageNetMean = {123.675F, 116.28F, 103.53F};
constexpr std::array<float, 3> kImageNetStd = {58.395F, 57.12F, 57.375F};

const TensorInfo* output_named(const ModelDescription& model, const std::string& name) {
  const auto found =
      std::find_if(model.outputs.begin(), model.outputs.end(), [&](const auto& output) { return output.name == name; });
  return found == model.outputs.end() ? nullptr : &*found;
}

bool has_outputs(const ModelDescription& model, std::initializer_list<const char*> names) {
  return std::all_of(names.begin(), names.end(), [&](const char* name) { return output_named(model, name) != nullptr; });
}

[[noreturn]] void ask_names(const ModelDescription& model, const std::string& kind) {
  reject_model(model, "this is " + kind + ", which does not say the names of its classes",
               "give the names: --recipe FILE.yaml with class_names, or a file of names");
}

std::optional<Recipe> recognize_yunet(const ModelDescription& model, const ImageInput& input) {
  if (!has_outputs(model, {"cls_8", "cls_16", "cls_32", "obj_8", "obj_16", "obj_32", "bbox_8", "bbox_16", "bbox_32"}))
    return std::nullopt;
  Recipe recipe = family_defaults(Family::kYuNet);
  recipe.class_names = {"face"};
  apply_geometry(input, recipe);
  return recipe;
}

/// NanoDet of the first generation: scores [cells, classes] and distances [cells, 32] for strides 8, 16 and 32.
std::optional<Recipe> recognize_separate_nanodet(const ModelDescription& model, const ImageInput& input,
                                                 std::size_t classes) {
  if (model.outputs.size() != 6 || input.width < 0 || input.height < 0) return std::nullopt;
  std::set<std::int64_t> scores, distances, columns;
  for (const auto& output : model.outputs) {
    const auto& shape = output.shape;
    if (shape.size() < 2 || shape.size() > 3) return std::nullopt;
    (shape.back() == 32 ? distances : scores).insert(shape[shape.size() - 2]);
    if (shape.back() != 32) columns.insert(shape.back());
  }
  std::set<std::int64_t> cells;
  for (const int stride : {8, 16, 32}) {
    cells.insert(cells_of(input.width, input.height, stride));
  }
  if (scores != cells || distances != cells || columns.size() != 1) return std::nullopt;
  const auto count = static_cast<std::size_t>(*columns.begin());
  if (classes == 0 && count != coco_names().size()) ask_names(model, "a NanoDet with " + std::to_string(count) + " classes");
  Recipe recipe = family_defaults(Family::kNanoDet);
  if (classes == 0) recipe.class_names = coco_names();
  apply_geometry(input, recipe);
  return recipe;
}

/// DETR, RT-DETR of Hugging Face (pred_boxes, logits) and RF-DETR (dets, labels): boxes and raw class scores.
std::optional<Recipe> recognize_detr(const ModelDescription& model, const ImageInput& input, std::size_t classes) {
  const bool rf_detr = has_outputs(model, {"dets", "labels"}) && !output_named(model, "scores");
  const TensorInfo* logits = output_named(model, rf_detr ? "labels" : "logits");
  if (logits == nullptr) logits = output_named(model, "pred_logits");
  if (logits == nullptr || !(rf_detr || output_named(model, "pred_boxes")) || logits->shape.size() != 3) return std::nullopt;
  const std::int64_t columns = logits->shape[2];
  Recipe recipe = family_defaults(Family::kDetr);
  apply_geometry(input, recipe);
  if (rf_detr) {
    recipe.mean = kImageNetMean;
    recipe.deviation = kImageNetStd;
    if (classes == 0) ask_names(model, "an RF-DETR with " + std::to_string(columns) + " class slots");
    return recipe;
  }
  // 80 scores are RT-DETR's of COCO; 92 are DETR's 91 and "no object". Anything else could be either.
  if (columns == static_cast<std::int64_t>(coco_names().size()) && (classes == 0 || classes == coco_names().size())) {
    recipe.class_names = coco_names();
    return recipe;
  }
  if (columns == 92 && (classes == 0 || classes == 91)) {
    recipe.activation = Activation::kSoftmax;
    recipe.mean = kImageNetMean;
    recipe.deviation = kImageNetStd;
    if (classes == 0) ask_names(model, "a DETR with 91 classes");
    return recipe;
  }
  reject_model(model,
               "the outputs " + list_text(model.outputs) +
                   " are a DETR's or an RT-DETR's; which activation its scores need is not known",
               "give a recipe with family: detr, activation (sigmoid for RT-DETR, softmax for DETR), class_names, and mean "
               "and std if it wants ImageNet's");
}

/// Boxes, scores and labels in separate outputs.
std::optional<Recipe> recognize_detections(const ModelDescription& model, const ImageInput& input, std::size_t classes) {
  Recipe recipe = family_defaults(Family::kDetections);
  apply_geometry(input, recipe);
  if (has_outputs(model, {"detection_boxes", "detection_scores", "detection_classes"})) {
    // TensorFlow's Object Detection API: RGB 0..255, [ymin, xmin, ymax, xmax] in [0, 1], labels from 1 on.
    recipe.deviation = {1, 1, 1};
    recipe.box_format = BoxFormat::kYxyx;
    recipe.normalized_boxes = true;
    recipe.first_class = 1;
    if (classes == 0) ask_names(model, "a detector of TensorFlow's Object Detection API");
    return recipe;
  }
  if (!has_outputs(model, {"boxes", "scores", "labels"})) return std::nullopt;
  const bool takes_size = std::any_of(model.inputs.begin(), model.inputs.end(),
                                      [](const auto& tensor) { return tensor.name == "orig_target_sizes"; });
  if (takes_size) {  // RT-DETR's own export (also D-FINE and DEIM): labels from 0 on
    if (classes == 0) ask_names(model, "an RT-DETR export with built-in decoding");
    return recipe;
  }
  if (!input.has_batch) {  // torchvision: one image [3, H, W] in 0..1, resized and normalised by the model; label 0 is
                           // background
    recipe.resize = Resize::kPadOnly;
    recipe.pad_value = 0;
    recipe.stride = 1;
    recipe.first_class = 1;
    if (classes == 0) ask_names(model, "a torchvision detector");
    return recipe;
  }
  reject_model(model, "the outputs " + list_text(model.outputs) + " are boxes, scores and labels, but not what they mean",
               "give a recipe with family: detections, class_names, first_class (1 where label 0 is background), "
               "box_format, normalized_boxes, "
               "and mean and std if they are not 0 and 255");
}

}  // namespace

std::optional<Recipe> recognize_named(const ModelDescription& model, const ImageInput& input, std::size_t classes) {
  if (auto recipe = recognize_yunet(model, input)) return recipe;
  if (auto recipe = recognize_separate_nanodet(model, input, classes)) return recipe;
  if (auto recipe = recognize_detr(model, input, classes)) return recipe;
  return recognize_detections(model, input, classes);
}

}  // namespace goshawk::detect
