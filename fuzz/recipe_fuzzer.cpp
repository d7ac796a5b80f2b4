// Everything that is text in a model's metadata or in a recipe file.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/detect/conformance.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/detect/recognize.h"

namespace {

using namespace goshawk;          // NOLINT: a fuzzer
using namespace goshawk::detect;  // NOLINT

/// A recipe that was accepted reads back as itself.
void check_round_trip(const Recipe& recipe) {
  require(parse_recipe(recipe_text(recipe), "again") == recipe, "a recipe reads back");
}

void read_yaml(const std::string& text) {
  Recipe recipe;
  apply_recipe(parse_yaml(text, "fuzz"), "fuzz", recipe);
  if (recipe.family != Family::kUnknown && !recipe.class_names.empty()) check_round_trip(recipe);
}

void read_ultralytics(const std::string& text) {
  const std::size_t cut = text.find('\n');
  ModelDescription model;
  model.inputs = {{"images", {}, {1, 3, -1, -1}}};
  model.outputs = {{"output0", {}, {1, 84, -1}}};
  model.metadata = {{"task", "detect"},
                    {"names", text.substr(0, cut)},
                    {"imgsz", cut == std::string::npos ? "" : text.substr(cut)},
                    {"stride", text.substr(0, 8)}};
  settle_recipe(model);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  try {
    switch (data[0] % 5) {
      case 0:
        read_yaml(text);
        break;
      case 1:
        check_round_trip(parse_recipe(text, "fuzz"));
        break;
      case 2:
        parse_python_names(text);
        break;
      case 3:
        parse_conformance(text, "fuzz");
        break;
      default:
        read_ultralytics(text);
        break;
    }
  } catch (const Error&) {
    // The one way in which text may be refused.
  }
  return 0;
}
