#include "goshawk/detect/recipe_io.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"

namespace goshawk::detect {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string error_of(const std::string& yaml) {
  Recipe recipe;
  try {
    apply_recipe(parse_yaml(yaml, "r.yaml"), "r.yaml", recipe);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadConfig);
    return error.describe();
  }
  return "no error";
}

class RecipeFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("goshawk_recipe_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path write(const std::string& name, const std::string& content) {
    write_file_atomically(folder_ / name, content);
    return folder_ / name;
  }
  fs::path folder_;
};

Recipe unusual() {
  Recipe recipe = family_defaults(Family::kDetections);
  recipe.class_names = {"a b", "ä", "no", "1"};
  recipe.input_width = 123;
  recipe.input_height = 45;
  recipe.dynamic_size = recipe.normalized_boxes = true;
  recipe.stride = 8;
  recipe.layout = Layout::kNhwc;
  recipe.resize = Resize::kPadOnly;
  recipe.color = ColorOrder::kBgr;
  recipe.mean = {1.5F, 103.53F, 0};
  recipe.deviation = {57.375F, 1, 2};
  recipe.pad_value = 0;
  recipe.confidence = 0.123F;
  recipe.iou = 0.4F;
  recipe.max_detections = 7;
  recipe.box_format = BoxFormat::kYxyx;
  recipe.first_class = 1;
  recipe.activation = Activation::kSoftmax;
  return recipe;
}

TEST(RecipeText, ReadsBackWhatItWrites) { EXPECT_EQ(parse_recipe(recipe_text(unusual()), "x"), unusual()); }

TEST(ApplyRecipe, TakesAWholeRecipeAsYaml) {
  Recipe recipe;
  apply_recipe(parse_yaml(to_yaml(nlohmann::json(to_json(unusual()))), "r.yaml"), "r.yaml", recipe);
  EXPECT_EQ(recipe, unusual());
}

TEST(ApplyRecipe, ChangesOnlyWhatIsThere) {
  Recipe recipe = unusual();
  apply_recipe(parse_yaml("confidence: 0.5\nstd: 2", ""), "", recipe);
  Recipe expected = unusual();
  expected.confidence = 0.5F;
  expected.deviation = {2, 2, 2};
  EXPECT_EQ(recipe, expected);
}

TEST(ApplyRecipe, AnotherFamilyBringsItsDefaults) {
  Recipe recipe = family_defaults(Family::kYoloV8);
  recipe.class_names = {"x"};
  recipe.input_width = 99;
  apply_recipe(parse_yaml("{iou: 0.3, family: yolox}", ""), "", recipe);
  EXPECT_EQ(recipe.resize, Resize::kLetterboxTopLeft);
  EXPECT_EQ(recipe.input_width, 99);
  EXPECT_EQ(recipe.class_names, std::vector<std::string>{"x"});
  EXPECT_EQ(recipe.iou, 0.3F);
}

TEST(ApplyRecipe, PassesOverAFieldThatOlderBuildsWrote) {
  auto document = to_json(unusual());
  document["dynamic_batch"] = true;
  EXPECT_EQ(parse_recipe(document.dump(), "x"), unusual());
}

TEST(ApplyRecipe, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(error_of("confidnce: 0.5"),
              HasSubstr("unknown key 'confidnce'; did you mean 'confidence'? (r.yaml: confidnce)"));
  EXPECT_THAT(error_of("confidence: 1.5"), HasSubstr("must lie between 0 and 1 (r.yaml: confidence)"));
  EXPECT_THAT(error_of("confidence: high"), HasSubstr("must be a number"));
  EXPECT_THAT(error_of("family: yolo8"), HasSubstr("did you mean 'yolov8'?"));
  EXPECT_THAT(error_of("resize: 3"), HasSubstr("must be text (r.yaml: resize)"));
  EXPECT_THAT(error_of("mean: [1, 2]"), HasSubstr("must be a number or a list of three (r.yaml: mean)"));
  EXPECT_THAT(error_of("mean: [1, 2, x]"), HasSubstr("r.yaml: mean[2]"));
  EXPECT_THAT(error_of("std: [1, 0, 1]"), HasSubstr("must not be 0 (r.yaml: std)"));
  EXPECT_THAT(error_of("input_width: 1.5"), HasSubstr("whole number"));
  EXPECT_THAT(error_of("input_width: 99999999999"), HasSubstr("must lie between 1 and 16384"));
  EXPECT_THAT(error_of("dynamic_size: 1"), HasSubstr("true or false"));
  EXPECT_THAT(error_of("class_names: []"), HasSubstr("must be a list of names (r.yaml: class_names)"));
  EXPECT_THAT(error_of("class_names: [a, [b]]"), HasSubstr("class_names[1]"));
  EXPECT_THAT(error_of("class_names: {0: a, 2: b}"), HasSubstr("none for class 1"));
  EXPECT_THAT(error_of("[1, 2]"), HasSubstr("must be a map"));
}

TEST(ParseRecipe, NeedsFamilyAndClasses) {
  EXPECT_THROW(parse_recipe("{}", "x"), Error);
  EXPECT_THROW(parse_recipe(R"({"family": "yolov8"})", "x"), Error);
  EXPECT_THROW(parse_recipe(R"({"family": "yolov8", "class_names": ["a"]} trailing)", "x"), Error);
}

TEST_F(RecipeFiles, ReadsClassNamesOfEachKind) {
  const std::vector<std::string> expected = {"person", "traffic light"};
  EXPECT_EQ(read_class_names(write("a.txt", "person\r\ntraffic light \n\n")), expected);
  EXPECT_EQ(read_class_names(write("a.names", "person\ntraffic light")), expected);
  EXPECT_EQ(read_class_names(write("a.yaml", "names: [person, traffic light]")), expected);
  EXPECT_EQ(read_class_names(write("b.yaml", "names:\n  0: person\n  1: traffic light\n")), expected);
}

TEST_F(RecipeFiles, RejectsListsThatAreNone) {
  EXPECT_THROW(read_class_names(write("empty.txt", "\n\n")), Error);
  EXPECT_THROW(read_class_names(write("gap.txt", "a\n\nb\n")), Error);
  EXPECT_THROW(read_class_names(write("latin1.txt", "b\xe4r\n")), Error);
  EXPECT_THROW(read_class_names(write("no.yaml", "train: x")), Error);
  EXPECT_THROW(read_class_names(folder_ / "missing.txt"), Error);
}

}  // namespace
}  // namespace goshawk::detect
