// Which recipe a model needs, from what the ONNX file says of itself.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "goshawk/core/coco_names.h"
#include "goshawk/core/recipe.h"
#include "goshawk/runtime/session.h"

namespace goshawk::detect {

/// What is known of a model without running it.
struct ModelDescription {
  std::vector<runtime::TensorInfo> inputs;
  std::vector<runtime::TensorInfo> outputs;
  std::map<std::string, std::string> metadata;
  std::string name;                 // for messages: the file's path
  std::set<std::string> operators;  // of the main graph
};
ModelDescription describe(const runtime::Session& session, const std::filesystem::path& model);

/// What the user says besides the model.
struct RecipeChoices {
  std::optional<std::filesystem::path> recipe;       // YAML or JSON; its fields override
  std::optional<std::filesystem::path> class_names;  // overrides
};

/// The recipe of metadata key "goshawk.recipe"; else one recognised by Ultralytics' metadata or by the outputs' names and
/// shapes (docs/models.md); with the user's fields over it. A recipe file that names the family switches recognition off.
/// Throws Error{kBadConfig} when no family fits or more than one does, or when class names are missing, and says which
/// fields are needed; and for files as recipe_io.h says.
Recipe settle_recipe(const ModelDescription& model, const RecipeChoices& choices = {});

/// The value of a Python dict literal such as {0: 'person', 1: "dog's"}, as Ultralytics writes `names`; nullopt when it is
/// nothing of the kind or does not count from 0. A list literal is taken too.
std::optional<std::vector<std::string>> parse_python_names(std::string_view text);

}  // namespace goshawk::detect
