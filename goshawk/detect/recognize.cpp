#include "goshawk/detect/recognize.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/detect/decode_families.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/detect/recognize_steps.h"

namespace goshawk::detect {
using runtime::TensorInfo;

const char* const kDescribeHint =
    "describe the model with --recipe FILE.yaml: family (yolov5, yolov8, yolo-end2end, yolox, nanodet, detr, detections, "
    "yunet), class_names, and where they differ from the family's: resize, color, mean, std; see docs/recipe.md";

std::string list_text(const std::vector<runtime::TensorInfo>& tensors) {
  std::string text;
  for (const auto& tensor : tensors) text += (text.empty() ? "" : ", ") + tensor.name + " " + shape_text(tensor.shape);
  return text;
}

void reject_model(const ModelDescription& model, const std::string& message, const std::string& hint) {
  throw Error(ErrorCode::kBadConfig, message, model.name, hint);
}

ImageInput image_input(const ModelDescription& model, Layout layout) {
  ImageInput input;
  if (model.inputs.empty()) return input;
  const auto& [name, type, shape] = model.inputs[0];
  using runtime::ElementType;
  const bool is_float = type == ElementType::kFloat32 || type == ElementType::kFloat16 || type == ElementType::kFloat64;
  if (shape.size() == 4 && shape[1] == 3) {
    input = {true, Layout::kNchw, shape[2], shape[3], true};
  } else if (shape.size() == 4 && shape[3] == 3) {
    input = {true, Layout::kNhwc, shape[1], shape[2], true};
  } else if (shape.size() == 3 && shape[0] == 3) {
    input = {true, Layout::kNchw, shape[1], shape[2], false};  // torchvision: one image without a batch dimension
  } else if (shape.size() == 4 && is_float && layout == Layout::kNhwc && shape[3] == -1) {
    input = {true, Layout::kNhwc, shape[1], shape[2], true};
  } else if (shape.size() == 4 && is_float && shape[1] == -1) {
    input = {true, Layout::kNchw, shape[2], shape[3], true};
  }
  return input;
}

void apply_geometry(const ImageInput& input, Recipe& recipe) {
  recipe.layout = input.layout;
  recipe.dynamic_size = input.takes_any_size();
  if (recipe.dynamic_size) return;
  recipe.input_width = static_cast<int>(input.width > 0 ? input.width : input.height);
  recipe.input_height = static_cast<int>(input.height > 0 ? input.height : input.width);
}

std::int64_t grid_cells(const ImageInput& input, int largest) {
  if (input.width < 0 || input.height < 0) return -1;
  std::int64_t count = 0;
  for (int stride = 8; stride <= largest; stride *= 2) {
    count += cells_of(input.width, input.height, stride);
  }
  return count;
}

namespace {

std::optional<std::string> metadata_value(const ModelDescription& model, const std::string& key) {
  const auto found = model.metadata.find(key);
  if (found == model.metadata.end()) return std::nullopt;
  return found->second;
}

bool says_true(const std::optional<std::string>& text, const std::string& key) {
  return text && text->find("'" + key + "': True") != std::string::npos;
}

/// By the head that newer exports name, else "Ultralytics rtdetr-l model trained on ...": the network's name, not the
/// data's.
bool is_rt_detr(const ModelDescription& model) {
  if (const auto head = metadata_value(model, "head")) return *head == "RTDETRDecoder";
  const std::string text = to_lower(metadata_value(model, "description").value_or(""));
  const std::string name = text.substr(0, text.find(" model"));
  return name.find("rtdetr") != std::string::npos || name.find("rt-detr") != std::string::npos;
}

/// Whole numbers of a text such as "[480, 640]" or "32"; at most four.
std::vector<int> numbers_in(const std::string& text) {
  std::vector<int> numbers;
  int value = -1;
  for (const char c : text + " ") {
    if (c >= '0' && c <= '9') {
      value = std::min(std::max(value, 0) * 10 + (c - '0'), 1'000'000);
    } else if (value >= 0) {
      if (numbers.size() < 4) numbers.push_back(value);
      value = -1;
    }
  }
  return numbers;
}

// ---- Ultralytics: metadata says task, names, stride, imgsz (documentation of the export mode, 8.4; yolov5's export.py
// writes stride and names).

Family ultralytics_family(const ModelDescription& model, std::int64_t classes) {
  const auto& shape = model.outputs[0].shape;
  const auto args = metadata_value(model, "args");
  if (shape.size() != 3) return Family::kUnknown;
  if (shape[1] < 0 && shape[2] < 0) {  // a dynamic export that nobody has simplified; what it gives is checked as it runs
    if (is_rt_detr(model)) return Family::kDetr;
    if (says_true(args, "nms") || metadata_value(model, "end2end") == "True") return Family::kYoloEnd2End;
    return metadata_value(model, "task") ? Family::kYoloV8 : Family::kYoloV5;  // yolov5's own export tells no task
  }
  if (shape[2] == 4 + classes && is_rt_detr(model)) return Family::kDetr;  // of two classes it has six columns too
  const bool six = shape[2] == 6;
  if (six && (says_true(args, "nms") || metadata_value(model, "end2end") == "True")) return Family::kYoloEnd2End;
  if (shape[1] == 4 + classes) return Family::kYoloV8;
  // Six columns are boxes with a class, or cx cy w h objectness and the one class of a YOLOv5, which has many more rows.
  if (six && (classes != 1 || (shape[1] > 0 && shape[1] <= 1000))) return Family::kYoloEnd2End;
  if (shape[2] == 5 + classes) return Family::kYoloV5;
  if (shape[2] == 4 + classes) return Family::kDetr;
  return Family::kUnknown;
}

}  // namespace

std::optional<Recipe> recognize_ultralytics(const ModelDescription& model, const ImageInput& input) {
  const auto names_text = metadata_value(model, "names");
  if (!names_text || !(metadata_value(model, "stride") || metadata_value(model, "task"))) return std::nullopt;
  const std::string task = metadata_value(model, "task").value_or("detect");
  if (task != "detect") {
    reject_model(model,
                 "this is an Ultralytics model for the task '" + task + "'; goshawk takes models for the task 'detect'",
                 "export a detection model");
  }
  const auto names = parse_python_names(*names_text);
  if (!names) reject_model(model, "the metadata 'names' cannot be read as a list of classes");
  check_class_names(*names, model.name + ": metadata names");
  const Family family = ultralytics_family(model, static_cast<std::int64_t>(names->size()));
  if (family == Family::kUnknown) {
    reject_model(model, "the metadata is Ultralytics', with " + std::to_string(names->size()) +
                            " names, but no layout of theirs has the outputs " + list_text(model.outputs));
  }
  Recipe recipe = family_defaults(family);
  recipe.class_names = *names;
  if (family == Family::kDetr) recipe.activation = Activation::kNone;
  const auto stride = numbers_in(metadata_value(model, "stride").value_or("32"));
  if (!stride.empty() && stride[0] >= 1 && stride[0] <= 1024) recipe.stride = stride[0];
  apply_geometry(input, recipe);
  const auto size = numbers_in(metadata_value(model, "imgsz").value_or(""));
  if (size.size() == 2 && size[0] > 0 && size[1] > 0 && size[0] <= 16384 && size[1] <= 16384) {
    if (input.height < 0) recipe.input_height = size[0];
    if (input.width < 0) recipe.input_width = size[1];
  }
  return recipe;
}

namespace {

// ---- One output without metadata: the number of rows tells the grid, the number of columns the classes.

struct Reading {
  Family family;
  std::int64_t classes;
};

/// Networks of YOLOX's family give a row a cell: raw (a plain network), or as boxes. YOLOX's own export undoes logarithms of
/// sides; others (YOLOv6) subtract distances from points, and have no objectness that counts.
enum class Rows { kRaw, kDecoded, kUnknown };

Rows rows_of(const ModelDescription& model) {
  if (model.operators.contains("Exp")) return Rows::kDecoded;
  return model.operators.contains("Sub") ? Rows::kUnknown : Rows::kRaw;
}

std::vector<Reading> readings_of_single(const TensorInfo& output, const ImageInput& input) {
  std::vector<Reading> readings;
  const auto& shape = output.shape;
  if (shape.size() != 3 || grid_cells(input, 32) < 0) return readings;
  for (const int largest : {32, 64}) {
    const std::int64_t cells = grid_cells(input, largest);
    if (shape[1] == cells && shape[2] > 5) readings.push_back({Family::kYolox, shape[2] - 5});
    if (shape[1] == cells && shape[2] > 32) readings.push_back({Family::kNanoDet, shape[2] - 32});
    if (shape[1] == 3 * cells && shape[2] > 5) readings.push_back({Family::kYoloV5, shape[2] - 5});
    if (shape[2] == cells && shape[1] > 4) readings.push_back({Family::kYoloV8, shape[1] - 4});
  }
  return readings;
}

std::string readings_text(const std::vector<Reading>& readings) {
  std::string text;
  for (const auto& reading : readings) {
    text += (text.empty() ? "" : " or ") + std::string(to_string(reading.family)) + " with " +
            std::to_string(reading.classes) + " classes";
  }
  return text;
}

}  // namespace

/// Without names given, only COCO's 80 can be told from the shape alone.
std::optional<Recipe> recognize_single(const ModelDescription& model, const ImageInput& input, std::size_t classes) {
  if (model.outputs.size() != 1) return std::nullopt;
  const auto all = readings_of_single(model.outputs[0], input);
  if (all.empty()) return std::nullopt;
  std::vector<Reading> fitting;
  const auto wanted = static_cast<std::int64_t>(classes == 0 ? coco_names().size() : classes);
  std::copy_if(all.begin(), all.end(), std::back_inserter(fitting), [&](const Reading& r) { return r.classes == wanted; });
  if (fitting.size() != 1) {
    const std::string output = model.outputs[0].name + " " + shape_text(model.outputs[0].shape);
    if (classes > 0)
      reject_model(model, "the output " + output + " is " + readings_text(all) + ", but " + std::to_string(classes) +
                              " class names were given");
    if (all.size() == 1) {
      reject_model(model, "the output " + output + " is " + readings_text(all) + ", whose names the model does not say",
                   "give the names: --recipe FILE.yaml with class_names, or a file of names");
    }
    reject_model(model, "the output " + output + " could be " + readings_text(all));
  }
  Recipe recipe = family_defaults(fitting[0].family);
  if (fitting[0].family == Family::kYolox) {
    const Rows rows = rows_of(model);
    if (rows == Rows::kUnknown) {
      reject_model(model,
                   "the output " + model.outputs[0].name + " " + shape_text(model.outputs[0].shape) +
                       " has a row a cell, raw as YOLOX's or boxes as YOLOv6's, and the network does not tell which",
                   "give a recipe with class_names and family: yolov5 (boxes; YOLOv6) or family: yolox (raw)");
    }
    if (rows == Rows::kDecoded) recipe.family = Family::kYoloV5;  // the pictures are prepared as YOLOX wants them
  }
  if (classes == 0) recipe.class_names = coco_names();
  apply_geometry(input, recipe);
  if (model.outputs[0].shape[1] == grid_cells(input, 64) || model.outputs[0].shape[1] == 3 * grid_cells(input, 64) ||
      model.outputs[0].shape[2] == grid_cells(input, 64)) {
    recipe.stride = 64;
  }
  return recipe;
}

namespace {

Recipe recognize(const ModelDescription& model, const ImageInput& input, std::size_t classes) {
  if (model.outputs.empty()) reject_model(model, "the model has no outputs");
  if (auto recipe = recognize_ultralytics(model, input)) return *recipe;
  if (auto recipe = recognize_named(model, input, classes)) return *recipe;
  if (auto recipe = recognize_single(model, input, classes)) return *recipe;
  reject_model(model, "this is no detector that goshawk knows: its outputs are " + list_text(model.outputs));
}

void check_geometry(const ModelDescription& model, const ImageInput& input, const Recipe& recipe) {
  if (recipe.layout != input.layout) {
    reject_model(model, "the recipe's layout does not fit the model's input " + list_text(model.inputs), "correct `layout`");
  }
  const bool fits = may_be(input.width, recipe.input_width) && may_be(input.height, recipe.input_height);
  if (fits) return;
  reject_model(model,
               "the recipe's input of " + std::to_string(recipe.input_width) + " x " + std::to_string(recipe.input_height) +
                   " does not fit the model's input " + list_text(model.inputs),
               "correct `input_width` and `input_height`");
}

/// Pixels as whole numbers: the network itself brings them into its range.
void settle_whole_numbers(const ModelDescription& model, bool said, Recipe& recipe) {
  using runtime::ElementType;
  const auto type = model.inputs[0].type;
  if (type != ElementType::kUint8 && type != ElementType::kInt32 && type != ElementType::kInt64) return;
  if (!said) {
    recipe.mean = {0, 0, 0};
    recipe.deviation = {1, 1, 1};
  }
  constexpr float kFewest = 16;  // values that a channel has left
  if (std::ranges::all_of(recipe.deviation, [](float deviation) { return 255 / deviation >= kFewest; })) return;
  reject_model(model,
               "the model's input " + model.inputs[0].name +
                   " takes whole numbers, of which the recipe's std leaves next to none of a picture",
               "correct `mean` and `std`: 0 and 1 where the network takes pixels as they are");
}

/// Class names that were written into the model by whatever exporter; none where nothing can be read.
std::vector<std::string> names_in_metadata(const ModelDescription& model) {
  const auto text = metadata_value(model, "names");
  const auto names = text ? parse_python_names(*text) : std::nullopt;
  if (!names) return {};
  check_class_names(*names, model.name + ": metadata names");
  return *names;
}

}  // namespace

ModelDescription describe(const runtime::Session& session, const std::filesystem::path& model) {
  return {session.inputs(), session.outputs(), session.metadata(), model.string(), session.operators()};
}

Recipe settle_recipe(const ModelDescription& model, const RecipeChoices& choices) {
  nlohmann::json overlay = nlohmann::json::object();
  std::string where;
  if (choices.recipe) {
    where = choices.recipe->string();
    overlay = read_document(*choices.recipe);
  }
  Recipe given;
  apply_recipe(overlay, where, given);  // checked before the model is, so that a misspelt key is told first
  if (choices.class_names) given.class_names = read_class_names(*choices.class_names);

  std::optional<Recipe> stored;
  if (const auto text = metadata_value(model, kRecipeKey)) {
    stored = parse_recipe(*text, model.name + ": metadata " + kRecipeKey);
  }
  const bool layout_is_stored = stored && !overlay.contains("layout");
  const ImageInput input = image_input(model, layout_is_stored ? stored->layout : given.layout);
  if (!input.found) {
    reject_model(
        model, "this is no image detector: its first input is no image of three channels (" + list_text(model.inputs) + ")",
        "give a detector; one whose channels are last and not stated needs a recipe with `layout: nhwc`");
  }
  if (input.width == 0 || input.height == 0)
    reject_model(model, "the model's input has no pixels (" + list_text(model.inputs) + ")", "export it with a size");
  if (!stored && given.class_names.empty()) given.class_names = names_in_metadata(model);
  Recipe recipe;
  if (stored) {
    recipe = *stored;
  } else if (overlay.contains("family")) {
    apply_geometry(input, recipe);
  } else {
    recipe = recognize(model, input, given.class_names.size());
  }
  apply_recipe(overlay, where, recipe);
  if (!given.class_names.empty()) recipe.class_names = given.class_names;
  if (recipe.class_names.empty()) {
    reject_model(model, "the names of the " + std::string(to_string(recipe.family)) + " model's classes are not known",
                 "give them in the recipe (class_names), or as a file of names");
  }
  recipe.dynamic_size = recipe.dynamic_size && input.takes_any_size();
  if (recipe.dynamic_size) {
    for (int* side : {&recipe.input_width, &recipe.input_height})
      *side = (*side + recipe.stride - 1) / recipe.stride * recipe.stride;
  }
  check_geometry(model, input, recipe);
  settle_whole_numbers(model, overlay.contains("mean") || overlay.contains("std") || stored, recipe);
  return recipe;
}

}  // namespace goshawk::detect
