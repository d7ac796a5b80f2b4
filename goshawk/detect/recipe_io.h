// A recipe as text: JSON in a model's metadata, YAML in a file by hand.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/core/recipe.h"

namespace goshawk::detect {

/// Metadata key of a recipe in an ONNX file.
inline constexpr const char* kRecipeKey = "goshawk.recipe";

std::string_view to_string(Family family);  // "yolov8"; "unknown"

/// What a model of this family has when nothing else is said: resize rule, colours, scale, thresholds. No class names.
Recipe family_defaults(Family family);

/// All fields, in the order of docs/recipe.md.
nlohmann::ordered_json to_json(const Recipe& recipe);

/// Sets the fields that `document` has and leaves the others. `where` is put before the field's path in messages.
/// A `family` that differs from the recipe's brings that family's defaults with it (input size and classes stay).
/// Throws Error{kBadConfig} with the field's path for an unknown key (with a suggestion), a wrong type or a value out of
/// range.
void apply_recipe(const nlohmann::json& document, const std::string& where, Recipe& recipe);

/// The recipe of a metadata value. Throws as `apply_recipe` does, and for a family or class names that are missing.
Recipe parse_recipe(std::string_view json_text, const std::string& where);
std::string recipe_text(const Recipe& recipe);

/// Throws Error{kBadConfig} for a name that is empty, longer than 200 bytes or not UTF-8.
void check_class_names(const std::vector<std::string>& names, const std::string& where);

/// Names from a text file, one a line (empty lines at the end are ignored), or from a YAML file with `names` (a list, or a
/// map from number to name, as in data.yaml). Throws Error{kNotFound, kBadConfig}.
std::vector<std::string> read_class_names(const std::filesystem::path& path);

}  // namespace goshawk::detect
